"""Two independent UPER codecs, asn1tools and pycrate, behind one door that speaks the JSON shape of the vectors: octet
strings as hex, bit strings as text of 0 and 1, enumerals by name, a CHOICE (and the open type) as an object of one key.
"""

import importlib.util
import pathlib
import tempfile

import asn1tools
from pycrate_asn1c.asnproc import PycrateGenerator, compile_text, generate_modules

from make_asn1 import EXTENDED, asn_name, render


class Disagreement(Exception):
    """The two tools gave different bytes or values, or one of them failed."""


def pycrate_module(texts):
    """pycrate's runtime objects exist only in a Python file that it writes."""
    compile_text(texts)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "generated.py")
        generate_modules(PycrateGenerator, str(path))
        spec = importlib.util.spec_from_file_location("generated", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


class Pair:
    """Both codecs for every type of some profiles."""

    def __init__(self, profiles):
        self.profiles = profiles
        modules = {name: "V2X-" + name.title().replace("-", "") for name in profiles}
        self.tools = {
            name: asn1tools.compile_string(render(types, modules[name], plain_open=True), "uper")
            for name, types in profiles.items()
        }
        generated = pycrate_module([render(types, modules[name]) for name, types in profiles.items()])
        self.crate = {name: getattr(generated, module.replace("-", "_")) for name, module in modules.items()}

    def encode_asn1tools(self, profile, name, value, check=False):
        native = self.to_native(profile, name, value, "asn1tools")
        return bytes(self.tools[profile].encode(asn_name(name), native, check_constraints=check))

    def encode_pycrate(self, profile, name, value):
        kind = getattr(self.crate[profile], asn_name(name).replace("-", "_"))
        kind.set_val(self.to_native(profile, name, value, "pycrate"))
        return kind.to_uper()

    def decode_asn1tools(self, profile, name, octets, check=False):
        native = self.tools[profile].decode(asn_name(name), octets, check_constraints=check)
        return self.from_native(profile, name, native, "asn1tools")

    def decode_pycrate(self, profile, name, octets):
        kind = getattr(self.crate[profile], asn_name(name).replace("-", "_"))
        kind.from_uper(octets)
        return self.from_native(profile, name, kind.get_val(), "pycrate")

    def encode(self, profile, name, value):
        """The bytes on which both agree and which both decode to the value; `Disagreement` otherwise."""
        results = {}
        for tool, step in (("asn1tools", self.encode_asn1tools), ("pycrate", self.encode_pycrate)):
            try:
                results[tool] = step(profile, name, value)
            except Exception as error:  # a tool's failure of whatever kind is a reason to drop the vector
                raise Disagreement(f"{tool} does not encode: {type(error).__name__}: {str(error)[:150]}") from error
        if results["asn1tools"] != results["pycrate"]:
            raise Disagreement(f"asn1tools {results['asn1tools'].hex()[:80]}, pycrate {results['pycrate'].hex()[:80]}")
        for tool, step in (("asn1tools", self.decode_asn1tools), ("pycrate", self.decode_pycrate)):
            try:
                back = step(profile, name, results[tool])
            except Exception as error:
                raise Disagreement(f"{tool} does not decode: {type(error).__name__}: {str(error)[:150]}") from error
            if back != value:
                raise Disagreement(f"{tool} decodes to another value: {str(back)[:200]}")
        return results["pycrate"]

    def to_native(self, profile, name, value, tool):
        """A value of the JSON shape in a tool's own shape."""

        def walk(spec, value):
            while spec.kind == "REF":
                spec = types[spec.ref]
            if spec.kind == "LIST":
                return [walk(spec.of, each) for each in value]
            if spec.kind == "SEQUENCE":
                known = {member.name: member.spec for member in spec.members}
                return {key: walk(known[key], each) if key in known else each for key, each in value.items()}
            if spec.kind == "CHOICE":
                ((key, held),) = value.items()
                known = {member.name: member.spec for member in spec.members}
                return key, walk(known[key], held) if key in known else held
            if spec.kind == "OPEN":
                ((key, held),) = value.items()
                if tool == "asn1tools":
                    return self.encode_asn1tools(profile, key, held)
                return key, self.to_native(profile, key, held, tool)
            if spec.kind == "OCTET STRING":
                return bytes.fromhex(value)
            if spec.kind == "BIT STRING":
                width = len(value)
                whole = -(-width // 8)
                number = int(value or "0", 2)
                return (
                    (number, width) if tool == "pycrate" else ((number << (whole * 8 - width)).to_bytes(whole), width)
                )
            return value

        types = self.profiles[profile]
        return walk(types[name], value)

    def from_native(self, profile, name, native, tool):
        """The way back."""

        def walk(spec, native, held=None):
            while spec.kind == "REF":
                spec = types[spec.ref]
            if spec.kind == "LIST":
                return [walk(spec.of, each) for each in native]
            if spec.kind == "SEQUENCE":
                held = EXTENDED.get(native.get("messageId"))
                return {
                    member.name: walk(member.spec, native[member.name], held)
                    for member in spec.members
                    if member.name in native
                }
            if spec.kind == "CHOICE":
                known = {member.name: member.spec for member in spec.members}
                return {native[0]: walk(known[native[0]], native[1])}
            if spec.kind == "OPEN" and tool == "asn1tools":
                return {held: self.decode_asn1tools(profile, held, native)}
            if spec.kind == "OPEN":
                return {native[0]: self.from_native(profile, native[0], native[1], tool)}
            if spec.kind == "OCTET STRING":
                return native.hex()
            if spec.kind == "BIT STRING":
                number, width = native
                if tool == "asn1tools":
                    number = int.from_bytes(number) >> (len(number) * 8 - width)
                return f"{number:0{width}b}" if width else ""
            return native

        types = self.profiles[profile]
        return walk(types[name], native)
