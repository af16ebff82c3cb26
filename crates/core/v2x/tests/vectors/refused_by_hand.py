"""Values that an encoder must refuse and that no rule of `make_refused.py` finds."""

# Values of the wrong shape: (type, value, reason).
WRONG_SHAPES = [
    ("Speed", "12", "text for an integer"),
    ("Speed", 1.5, "a fraction for an integer"),
    ("Speed", None, "null for an integer"),
    ("Speed", [1], "a list for an integer"),
    ("Speed", {}, "an object for an integer"),
    ("Speed", True, "a boolean for an integer"),
    ("Speed", 2**70, "an integer beyond 64 bits"),
    ("TransmissionState", 2, "a number for an enumeral"),
    ("TransmissionState", "Park", "an enumeral in the wrong case"),
    ("TransmissionState", "", "an empty enumeral"),
    ("TransmissionState", None, "null for an enumeral"),
    ("RSIPriority", "0", "half an octet"),
    ("RSIPriority", "zz", "no hex digits"),
    ("RSIPriority", 7, "a number for octets"),
    ("RSIPriority", "0x07", "a prefix before hex digits"),
    ("RSIPriority", [7], "a list for octets"),
    ("GNSSstatus", "00000002", "a digit that is no bit"),
    ("GNSSstatus", 255, "a number for bits"),
    ("GNSSstatus", "ff", "hex for bits"),
    ("GNSSstatus", [0, 1], "a list for bits"),
    ("DescriptiveName", 5, "a number for text"),
    ("DescriptiveName", "路口", "text that is not ASCII"),
    ("DescriptiveName", "caf\u00e9", "text that is not ASCII"),
    ("DescriptiveName", "\u0080", "the first character beyond ASCII"),
    ("DescriptiveName", ["a"], "a list for text"),
    ("SpeedLimitList", {}, "an object for a list"),
    ("SpeedLimitList", "", "text for a list"),
    ("SpeedLimitList", None, "null for a list"),
    ("Position3D", [], "a list for a structure"),
    ("Position3D", 0, "a number for a structure"),
    ("Position3D", {"lat": 0, "long": 0, "elevation": None}, "null for an optional member"),
    ("Position3D", {"lat": 0, "Long": 0}, "a member's name in the wrong case"),
    ("VerticalOffset", "offset1", "text for a choice"),
    ("VerticalOffset", {"offset1": 64}, "above 63 in the chosen alternative"),
    ("VerticalOffset", 3, "a number for a choice"),
    ("MemberManagement", {"openToJoin": "yes"}, "required members absent"),
]


def by_hand():
    """(profile, type, value, reason) of wrong shapes, the open type, nested bounds and the profiles' differences."""
    test = {"TestMsg": {"msgCnt": 0, "userData": "00"}}
    vector = {"pos": {"lat": 0, "long": 0}}
    point = {"offsetLL": {"position-LL1": {"lon": 0, "lat": 0}}}
    link = {"upstreamNodeId": {"id": 1}, "lanes": [{"laneID": 1}]}
    yield from (("day-2", name, value, reason) for name, value, reason in WRONG_SHAPES)
    yield "day-2", "MessageFrameExt", {"messageId": 10, "value": test}, "messageId 10 with the content of 0"
    yield "day-2", "MessageFrameExt", {"messageId": 1, "value": test}, "messageId 1 names no message"
    yield "day-2", "MessageFrameExt", {"messageId": 32768, "value": test}, "messageId above 32767"
    yield "day-2", "MessageFrameExt", {"messageId": 0, "value": {"NoSuchMessage": {}}}, "unknown message"
    yield (
        "day-2",
        "MessageFrameExt",
        {"messageId": 0, "value": {"TestMsg": {"msgCnt": 128, "userData": "00"}}},
        "above 127 in the open type",
    )
    yield "day-2", "ApduList", ["0"], "half an octet in an element"
    yield "day-2", "Action-Request", {"mode": 1}, "required members absent"
    for profile in ("day-1", "release-2019-07"):
        yield profile, "MessageFrame", {"msgFrameExt": {"messageId": 0, "value": test}}, "an alternative of phase 2"
        yield (
            profile,
            "Node",
            {"id": {"id": 0}, "refPos": {"lat": 0, "long": 0}, "prohibitedzone": {}},
            "a member of phase 2",
        )
    yield "day-1", "FullPositionVector", vector | {"posConfidence": {"pos": "a1m"}}, "a member of the other profiles"
    yield (
        "day-1",
        "FullPositionVector",
        vector | {"posAccuracy": {"semiMajor": 0, "semiMinor": 0, "orientation": 0}},
        "posAccuracy of the other profiles",
    )
    yield "day-2", "FullPositionVector", vector | {"posAccuracy": {"pos": "a1m"}}, "posAccuracy of day-1"
    yield "day-1", "Link", link, "linkWidth is required but in release-2019-07"
    yield "day-1", "PathPointList", [point], "one point is allowed in release-2019-07 only"
    yield "day-2", "PathPointList", [point], "one point is allowed in release-2019-07 only"
    yield "release-2019-07", "DDateTime", {"hour": 25}, "hours above 24 are allowed in day-1 and day-2 only"
    yield "release-2019-07", "DDateTime", {"offset": -721}, "below -720 in release-2019-07"
    yield "release-2019-07", "DDateTime", {"offset": 840}, "above 721 in release-2019-07"
