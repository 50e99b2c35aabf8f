"""Asks a question and prints the answer as it is written.

    python clients/python/examples/stream.py "Why is the sky blue?"

SLUICE_ADDR (127.0.0.1:9090), SLUICE_API_KEY (none) and SLUICE_MODEL (sandbox/chat) say where to ask and whom.
"""

import os
import sys

import grpc

import sluice


def main() -> int:
    question = " ".join(sys.argv[1:]) or "What does a sluice do?"
    request = sluice.ChatCompletionRequest(
        model=os.environ.get("SLUICE_MODEL", "sandbox/chat"),
        messages=[sluice.system("Answer in one paragraph."), sluice.user(question)],
    )
    address = os.environ.get("SLUICE_ADDR", "127.0.0.1:9090")
    with sluice.connect(address, api_key=os.environ.get("SLUICE_API_KEY")) as client:
        try:
            for chunk in client.chat.StreamChatCompletion(request):
                print(sluice.chunk_text(chunk), end="", flush=True)
        except grpc.RpcError as error:
            name = sluice.ErrorReason.Name(sluice.reason(error))
            print(f"\n{name}: {error.details()}", file=sys.stderr)
            return 1
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
