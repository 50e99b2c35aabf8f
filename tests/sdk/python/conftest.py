"""Clients of the gateways that the Go test beside this folder starts. See tests/run.sh."""

import os

import pytest
from openai import OpenAI


def address(name):
    """An address from the environment; the Go test sets them all."""
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set: these tests are run by tests/run.sh", returncode=2)
    return value


@pytest.fixture(scope="session")
def base_url():
    """A gateway on its built-in default: the sandbox alone."""
    return address("SLUICE_URL") + "/v1"


@pytest.fixture(scope="session")
def routed_url():
    """A gateway with routes for OpenAI's model names and a fake OpenAI behind it."""
    return address("SLUICE_ROUTED_URL") + "/v1"


@pytest.fixture(scope="session")
def upstream_url():
    """The fake OpenAI itself, which tells what reached it."""
    return address("FAKE_OPENAI_URL")


@pytest.fixture(scope="session")
def dead_url():
    """An address that refuses connections."""
    return address("DEAD_URL") + "/v1"


@pytest.fixture
def sandbox(base_url):
    with OpenAI(base_url=base_url, api_key="anything", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def client(routed_url):
    with OpenAI(base_url=routed_url, api_key="anything", max_retries=0, timeout=30) as client:
        yield client
