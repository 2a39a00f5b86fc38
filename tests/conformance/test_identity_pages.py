"""The parameters on each identity provider's page are those with which tests/api/identity_providers.rs signs in.

A value in angle brackets is the reader's own. `TokenAlgorithms` and `TokenIssuer` are given by that test to each provider.
"""

import re

from cloud import ROOT
from page_blocks import blocks

TESTS = {
    "auth0": ["auth0s_tokens"],
    "cognito": ["cognitos_tokens", "cognitos_id_tokens"],
    "entra": ["entras_tokens"],
    "keycloak": ["keycloaks_tokens"],
    "okta": ["oktas_tokens"],
}
SOURCE = (ROOT / "tests/api/identity_providers.rs").read_text()


def parameters_of(name):
    """The parameters of a test."""
    (test,) = re.findall(rf"async fn {name}_sign_in_with_admin_and_tenant\(\).*?^}}", SOURCE, re.M | re.S)
    (given,) = re.findall(r"parameters: &\[(.*?)\]", test, re.S)
    return dict(text.split("=", 1) for text in re.findall(r'"([^"]+)"', given))


def set_by(block):
    return dict(re.findall(r"--parameter '?(\w+)=([^'\n\\]*[^'\n\\ ])", block.text))


def test_every_provider_that_is_tested_has_a_page_with_its_parameters():
    pages = {path.stem: blocks(f"docs/identity/{path.name}") for path in (ROOT / "docs/identity").glob("*.md")}
    assert set(pages) == set(TESTS)
    named = [name for names in TESTS.values() for name in names]
    assert sorted(named) == sorted(re.findall(r"async fn (\w+)_sign_in_with_admin_and_tenant", SOURCE))
    for provider, found in pages.items():
        assert len(found) == len(TESTS[provider]), provider
        for block, name in zip(found, TESTS[provider]):
            parameters, expected = set_by(block), parameters_of(name)
            assert parameters.pop("TokenAlgorithms") == "RS256" and parameters.pop("TokenIssuer").startswith("https://")
            assert set(parameters) == set(expected), name
            own = {parameter for parameter, value in parameters.items() if "<" in value}
            assert {key: parameters[key] for key in parameters if key not in own} == {
                key: expected[key] for key in expected if key not in own
            }, name
