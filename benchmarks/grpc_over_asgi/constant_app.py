"""The constant handler of benchmarks/serving/constant_grpc.py behind one port."""

from google.longrunning import operations_pb2_grpc

from benchmarks.grpc_over_asgi.one_port import OnePort
from benchmarks.grpc_over_asgi.service import GrpcService
from benchmarks.serving.constant_grpc import Constant
from grpc_transcoding import Transcoder
from longrunning.services import find_service_config

_grpc = GrpcService()
_rest = Transcoder(service_configs=[find_service_config("operations_v1")], strict=False)
for _target in (_grpc, _rest):
    operations_pb2_grpc.add_OperationsServicer_to_server(Constant(), _target)
serve = OnePort(_grpc, _rest)
