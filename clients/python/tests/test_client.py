"""The client against a gRPC server in this process."""

import asyncio
import threading
from concurrent import futures

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import status_pb2

import sluice
from sluice._channel import is_local
from sluice.v1 import chat_pb2_grpc


class Gateway(chat_pb2_grpc.ChatServiceServicer):
    """Says what it was told, in as many chunks as words, and refuses the model "missing"."""

    def __init__(self):
        self.ended = threading.Event()

    def CreateChatCompletion(self, request, context):
        if request.model == "missing":
            packed = Any()
            packed.Pack(
                sluice.ErrorDetail(
                    reason=sluice.ErrorReason.ERROR_REASON_MODEL_NOT_FOUND, http_status=404, request_id="req-1"
                )
            )
            status = status_pb2.Status(code=5, message="no such model", details=[packed])
            context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
            context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        keys = [value for name, value in context.invocation_metadata() if name == "authorization"]
        answer = sluice.ChatCompletion()
        answer.choices.add().message.content = f"{keys} {request.messages[0].user.text}"
        return answer

    def StreamChatCompletion(self, request, context):
        context.add_callback(self.ended.set)
        keys = [value for name, value in context.invocation_metadata() if name == "authorization"]
        for word in (f"{keys} ", "two ", "three"):
            chunk = sluice.ChatCompletionChunk()
            chunk.choices.add().delta.content = word
            yield chunk
        if request.model == "endless":
            self.ended.wait(30)
        elif request.model == "breaks":
            context.abort(grpc.StatusCode.UNAVAILABLE, "upstream broke")


@pytest.fixture
def gateway():
    servicer = Gateway()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    chat_pb2_grpc.add_ChatServiceServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(None).wait(10)


def request(model="m"):
    return sluice.ChatCompletionRequest(model=model, messages=[sluice.user("hi")])


@pytest.mark.parametrize(
    ("api_key", "seen"), [(None, "[]"), ("", "[]"), ("sk-1", "['Bearer sk-1']")], ids=["none", "empty", "set"]
)
def test_every_call_carries_the_key(gateway, api_key, seen):
    with sluice.connect(gateway.address, api_key=api_key) as client:
        assert sluice.text(client.chat.CreateChatCompletion(request(), timeout=10)) == f"{seen} hi"
        chunks = client.chat.StreamChatCompletion(request(), timeout=10)
        assert "".join(map(sluice.chunk_text, chunks)) == f"{seen} two three"

    async def ask():
        async with sluice.aio.connect(gateway.address, api_key=api_key) as client:
            assert sluice.text(await client.chat.CreateChatCompletion(request(), timeout=10)) == f"{seen} hi"
            texts = [sluice.chunk_text(c) async for c in client.chat.StreamChatCompletion(request(), timeout=10)]
            assert "".join(texts) == f"{seen} two three"

    asyncio.run(ask())


def test_a_key_does_not_displace_metadata_of_the_call(gateway):
    seen = []

    class Spy(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, details, message):
            seen.append(details.metadata)
            return continuation(details, message)

    with sluice.connect(gateway.address, api_key="sk-1", interceptors=[Spy()]) as client:
        answer = client.chat.CreateChatCompletion(request(), timeout=10, metadata=[("openai-project", "p")])
    assert sluice.text(answer) == "['Bearer sk-1'] hi"
    assert seen == [[("openai-project", "p")]]


def test_a_stream_that_breaks_raises_after_its_chunks(gateway):
    words = []
    with sluice.connect(gateway.address) as client, pytest.raises(grpc.RpcError) as caught:
        for chunk in client.chat.StreamChatCompletion(request("breaks"), timeout=10):
            words.append(sluice.chunk_text(chunk))
    assert words == ["[] ", "two ", "three"]
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert sluice.reason(caught.value) == sluice.ErrorReason.ERROR_REASON_UNSPECIFIED


def test_cancel_of_a_stream_reaches_the_gateway(gateway):
    with sluice.connect(gateway.address) as client:
        stream = client.chat.StreamChatCompletion(request("endless"), timeout=30)
        next(stream)
        stream.cancel()
        assert gateway.ended.wait(10)


def test_reason_and_detail_read_the_gateways_detail(gateway):
    def check(error):
        assert sluice.reason(error) == sluice.ErrorReason.ERROR_REASON_MODEL_NOT_FOUND
        assert sluice.detail(error).http_status == 404
        assert sluice.detail(error).request_id == "req-1"

    with sluice.connect(gateway.address) as client, pytest.raises(grpc.RpcError) as caught:
        client.chat.CreateChatCompletion(request("missing"), timeout=10)
    check(caught.value)

    async def ask():
        async with sluice.aio.connect(gateway.address) as client:
            await client.chat.CreateChatCompletion(request("missing"), timeout=10)

    with pytest.raises(grpc.RpcError) as caught:
        asyncio.run(ask())
    check(caught.value)


@pytest.mark.parametrize("error", [None, ValueError("x"), grpc.RpcError("x")], ids=repr)
def test_an_error_without_detail_has_no_reason(error):
    assert sluice.detail(error) is None
    assert sluice.reason(error) == sluice.ErrorReason.ERROR_REASON_UNSPECIFIED


def test_tls_is_used_unless_the_gateway_is_on_this_machine_or_told_otherwise(gateway):
    with sluice.connect(gateway.address, tls=True) as client, pytest.raises(grpc.RpcError) as caught:
        client.chat.CreateChatCompletion(request(), timeout=10)  # the server speaks plain text
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    with sluice.connect(gateway.address, tls=False) as client:
        client.chat.CreateChatCompletion(request(), timeout=10)


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("localhost:9090", True),
        ("127.0.0.1:9090", True),
        ("127.8.8.8:9090", True),
        ("[::1]:9090", True),
        ("::1", True),
        ("localhost", True),
        ("dns:///localhost:9090", True),
        ("ipv4:127.0.0.1:9090", True),
        ("dns://10.0.0.53/127.0.0.1:1", True),
        ("unix:/run/sluice.sock", True),
        ("unix-abstract:sluice", True),
        ("sluice:9090", False),
        ("localhost.example.com:9090", False),
        ("127.0.0.1.example.com:9090", False),
        ("10.0.0.1:9090", False),
        ("[2001:db8::1]:9090", False),
        ("dns:///sluice.example.com:443", False),
        ("dns://127.0.0.1/gateway.corp:1", False),
        ("ipv4:192.0.2.1:9090", False),
    ],
)
def test_is_local_tells_targets_that_stay_on_this_machine(target, local):
    assert is_local(target) is local


def test_an_empty_target_is_refused():
    with pytest.raises(ValueError, match="target is empty"):
        sluice.connect("")


def test_a_function_keeps_the_order_of_its_schema():
    schema = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}}
    tool = sluice.function("f", "does f", schema).function.function
    assert tool.name == "f"
    assert tool.parameters.index(b'"z"') < tool.parameters.index(b'"a"')
    assert sluice.function("f", parameters='{"type":"object"}').function.function.parameters == b'{"type":"object"}'
    assert not sluice.function("f").function.function.HasField("description")


def test_the_text_of_an_answer_without_choices_is_empty():
    assert sluice.text(sluice.ChatCompletion()) == ""
    assert sluice.chunk_text(sluice.ChatCompletionChunk()) == ""
