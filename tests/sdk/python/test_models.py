"""Models and embeddings with the official SDK."""

import base64
import struct

import pytest
from openai import NotFoundError

TEXTS = ["The quick brown fox", "The quick brown foxes", "Quarterly report of revenue"]


def similarity(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_models_are_listed_and_found_by_their_id(sandbox):
    listed = sandbox.models.list()
    assert listed.object == "list"
    ids = [model.id for model in listed]
    assert len(ids) == len(set(ids))
    chat = sandbox.models.retrieve("sandbox/chat")
    assert (chat.object, chat.id in ids) == ("model", True)
    assert all(model.object == "model" and isinstance(model.created, int) for model in listed)


def test_a_routed_model_is_found_by_its_name(client):
    assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"


def test_a_model_that_is_not_there_is_not_found(client):
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert caught.value.code == "model_not_found"


def test_base64_and_floats_are_the_same_vectors(sandbox):
    # The SDK asks for base64 when the caller does not say, and decodes it.
    by_default = sandbox.embeddings.create(model="sandbox/embed", input=TEXTS)
    as_floats = sandbox.embeddings.create(model="sandbox/embed", input=TEXTS, encoding_format="float")
    as_base64 = sandbox.embeddings.create(model="sandbox/embed", input=TEXTS, encoding_format="base64")
    for i in range(len(TEXTS)):
        raw = base64.b64decode(as_base64.data[i].embedding)
        decoded = list(struct.unpack(f"<{len(raw) // 4}f", raw))
        assert by_default.data[i].embedding == pytest.approx(decoded, abs=0)
        assert as_floats.data[i].embedding == pytest.approx(decoded, rel=1e-6, abs=1e-9)
        assert [d.index for d in as_floats.data] == [0, 1, 2]
    assert as_floats.usage.prompt_tokens == as_floats.usage.total_tokens > 0


def test_similar_texts_are_closer_than_others(sandbox):
    fox, foxes, report = (d.embedding for d in sandbox.embeddings.create(model="sandbox/embed", input=TEXTS).data)
    assert similarity(fox, foxes) > similarity(fox, report) + 0.1


def test_dimensions_are_obeyed(sandbox):
    for dimensions in (1, 256, 3072):
        response = sandbox.embeddings.create(model="sandbox/embed", input="fox", dimensions=dimensions)
        vector = response.data[0].embedding
        assert len(vector) == dimensions
        assert similarity(vector, vector) == pytest.approx(1, abs=1e-4)


def test_token_ids_can_be_embedded(sandbox):
    for tokens, count in (([1, 2, 3], 1), ([[1, 2, 3], [4]], 2)):
        assert len(sandbox.embeddings.create(model="sandbox/embed", input=tokens).data) == count
