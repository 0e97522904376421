"""What the peers answer, whatever they are asked."""

from google.protobuf import json_format

from benchmarks.stores.records import PARENT, operation

OPERATION = operation(f"{PARENT}/operations/01a1fdb8-6937-7497-8b0b-13b4796e8b83")
JSON = json_format.MessageToJson(OPERATION, indent=None).encode()
