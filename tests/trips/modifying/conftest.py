"""A caller and an API with everything behind it; the fixtures are those of the API's own tests."""

from tests.api.conftest import api, key, whole  # noqa: F401
