"""Writes the vectors of whole frames as a first corpus for `uper_frame`."""

import json
import pathlib

here = pathlib.Path(__file__).parent
corpus = here / "corpus" / "uper_frame"
corpus.mkdir(parents=True, exist_ok=True)
for path in sorted((here.parent / "crates/core/v2x/tests/vectors").glob("*.jsonl")):
    for line in map(json.loads, path.read_text().splitlines()):
        if line["type"] == "MessageFrame" and "uper_hex" in line:
            (corpus / line["name"]).write_bytes(bytes.fromhex(line["uper_hex"]))
