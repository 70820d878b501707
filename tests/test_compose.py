"""docker-compose.yml and Dockerfile against the code they run: there is no engine here to try."""

import re
import subprocess
import tomllib
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli import app
from commands.checks import Part
from localworld import temporal
from localworld.places import ROOT
from localworld.settings import WorldSettings
from models.core import search_attributes
from settings import names

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}
SETTINGS = names() | {name.upper() for name in WorldSettings.model_fields}
OF_OTHERS = {
    *("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_PWD", "POSTGRES_SEEDS", "DB", "DB_PORT"),
    *("DEFAULT_NAMESPACE", "DEFAULT_NAMESPACE_RETENTION", "DYNAMIC_CONFIG_FILE_PATH"),
    "TEMPORAL_CODEC_ENDPOINT",
    *("TRIPSAGA_DB_PASSWORD", "TEMPORAL_DB_PASSWORD", "RABBITMQ_PASSWORD", "RABBITMQ_PORT"),
    *("RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"),
}
DECIDED_HERE = {
    *("DATABASE_URL", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "SANDBOX_URL"),
    *("SHUTDOWN_GRACE_SECONDS", "METRICS_ADDRESS", "CODEC_ORIGIN"),
    *("PAYLOAD_KEYS", "TRAVELER_ID_KEY", "WEBHOOK_MASTER_KEY", "AUTH_PEPPER"),
    *("CODEC_TOKEN", "RABBITMQ_URL"),
}
"""Settings that the topology fixes, or insists on in .env; no others may be."""
VARIABLES = {
    *("TRIPSAGA_VERSION", "POSTGRES_VERSION", "TEMPORAL_VERSION", "TEMPORAL_UI_VERSION"),
    "RABBITMQ_VERSION",
}


def environment(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment", {})
    return found


def test_the_topology_is_whole() -> None:
    assert set(BUILT) == {"migrate", "sandbox", "worker", "api", "codec"}
    assert set(SERVICES) - set(BUILT) == {"postgres", "temporal", "temporal-ui", "rabbitmq"}
    assert BUILT["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", sorted(BUILT))
def test_every_command_is_one_of_ours(name: str) -> None:
    command: list[str] = BUILT[name]["command"]
    answer = CliRunner().invoke(app, [command[0], "--help"])
    assert answer.exit_code == 0, f"tripsaga has no command {command[0]!r}"
    for option in (word for word in command if word.startswith("--")):
        assert option in re.sub(r"\x1b\[[0-9;]*m", "", answer.output)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_every_health_check_is_the_doctors(name: str) -> None:
    if name == "migrate":  # runs to its end
        assert BUILT[name]["restart"] == "no"
        return
    test = BUILT[name]["healthcheck"]["test"]
    assert test[:4] == ["CMD", "tripsaga", "doctor", "--only"]
    assert Part(test[4]) == name


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_environment_name_is_known(name: str) -> None:
    known = SETTINGS if name in BUILT else SETTINGS | OF_OTHERS
    assert set(environment(SERVICES[name])) <= known


def test_every_variable_is_known() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= SETTINGS | OF_OTHERS | VARIABLES


@pytest.mark.parametrize("name", sorted(BUILT))
def test_every_setting_of_a_deployment_reaches_our_programs(name: str) -> None:
    """Compose passes what settings.env holds, unless ``environment`` says otherwise."""
    assert [file["path"] for file in BUILT[name]["env_file"]] == ["settings.env"]
    set_by_a_deployment = dict.fromkeys(names(), "theirs")
    passed = set_by_a_deployment | environment(BUILT[name])
    fixed = {setting for setting in names() if passed[setting] != "theirs"}
    assert fixed <= DECIDED_HERE


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - BUILT.keys()))
def test_our_credentials_reach_nobody_else(name: str) -> None:
    assert "env_file" not in SERVICES[name]


def test_what_compose_reads_is_in_its_example_file() -> None:
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    compose = (ROOT / "docker-compose.yml").read_text()
    named = dict(re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert set(named) == set(re.findall(r"\$\{([A-Z_]+):\?", compose))
    assert set(named.values()) == {""}  # no secret is ever an example


def test_what_the_settings_example_names_are_settings() -> None:
    example = (ROOT / "deploy" / "settings.env.example").read_text()
    named = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert named
    assert set(named) <= names()
    assert {value for name, value in named.items() if name != "ENVIRONMENT"} == {""}


SECRETS = (
    *(".env", ".env.production", "settings.env", "deploy/compose.env", "deploy/settings.env"),
    *("var/payload_keys", "var/sandbox.db", "var/postgres/PG_VERSION", "var/logs/api.log"),
    *("tls.pem", "api/tls.key", "settings/.env", "models/local.env"),
)
"""Files with secrets as a deployment or the local world makes them; none is part of the project."""


def ignored_by_docker(path: str) -> bool:
    """Docker's rules: the last pattern that fits the path, or a folder it is in, decides."""
    names = [path, *map(str, PurePosixPath(path).parents)]
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!"))
            pattern = pattern.replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
            if any(re.fullmatch(pattern, name) for name in names):
                ignored = not line.startswith("!")
    return ignored


def test_what_is_named_for_images_and_packages_is_there() -> None:
    named = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    named += setup["packages"]["find"]["include"]
    assert [name for name in named if not any(ROOT.glob(name))] == []


def files_of_the_build() -> list[str]:
    skipped = {".venv", "__pycache__"}
    return [
        str(file.relative_to(ROOT))
        for file in ROOT.glob("*")
        if file.is_file() and not ignored_by_docker(file.name)
    ] + [
        name
        for folder in ROOT.iterdir()
        if folder.is_dir() and folder.name not in skipped and not ignored_by_docker(folder.name)
        for file in folder.rglob("*")
        if file.is_file() and not ignored_by_docker(name := str(file.relative_to(ROOT)))
    ]


def test_a_build_context_holds_the_programs_and_no_secret() -> None:
    for name in (*SECRETS, ".git/config", ".git", ".venv/bin/python", "api/__pycache__/app.pyc"):
        assert ignored_by_docker(name), name
    held = files_of_the_build()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    modules = {f"{name}.py" for name in project["tool"]["setuptools"]["py-modules"]}
    needed = {*modules, "pyproject.toml", "README.md", "requirements.txt", "alembic.ini"}
    assert needed <= set(held)
    folders = {name.partition("/")[0] for name in held if "/" in name}
    assert folders == {one.rstrip("*") for one in packages if (ROOT / one.rstrip("*")).is_dir()}
    kinds = {PurePosixPath(name).suffix for name in held}
    assert kinds <= {
        ".py",
        ".html",
        ".css",
        ".js",
        ".ini",
        ".mako",
        ".json",
        ".md",
        ".txt",
        ".toml",
        ".typed",
        ".svg",
        "",
    }
    assert not [name for name in held if (ROOT / name).stat().st_size > 1_000_000]


def test_git_ignores_secrets() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    git = ("git", "-C", str(ROOT))
    found = subprocess.run(
        [*git, "check-ignore", "--no-index", *SECRETS], capture_output=True, text=True, check=False
    )
    assert set(found.stdout.split()) == set(SECRETS)
    examples = ["deploy/compose.env.example", "deploy/settings.env.example"]
    kept = subprocess.run([*git, "check-ignore", "--no-index", *examples], check=False)
    assert kept.returncode == 1, "the examples belong to the project"


def test_no_secret_has_a_default() -> None:
    for service in SERVICES.values():
        for name, value in environment(service).items():
            if "PASSWORD" in name or "SECRET" in name or "KEY" in name or name == "POSTGRES_PWD":
                assert re.fullmatch(r"\$\{[A-Z_]+:(-|\?[a-z. ]+)\}", str(value)), name


def test_the_web_ui_and_the_codec_endpoint_know_each_other() -> None:
    codec = environment(BUILT["codec"])
    (port,) = BUILT["codec"]["ports"]
    (ui,) = SERVICES["temporal-ui"]["ports"]
    endpoint = environment(SERVICES["temporal-ui"])["TEMPORAL_CODEC_ENDPOINT"]
    assert endpoint == f"http://{port.rpartition(':')[0]}/{codec['CODEC_TOKEN']}"
    assert codec["CODEC_ORIGIN"] == f"http://{ui.rpartition(':')[0]}"


def test_nothing_starts_before_what_it_needs() -> None:
    for name in ("worker", "api", "codec"):
        condition = BUILT[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"
    for name in ("postgres", "temporal"):
        assert BUILT["migrate"]["depends_on"][name]["condition"] == "service_healthy"
        assert SERVICES[name]["healthcheck"]["test"]
    for name, service in SERVICES.items():
        for other, terms in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            if terms["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", sorted(BUILT))
def test_our_containers_can_do_little_harm(name: str) -> None:
    service = BUILT[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_published_to_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_mounted_files_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file()
            else:
                assert source in COMPOSE["volumes"]


def test_a_workers_grace_fits_into_the_containers() -> None:
    grace = float(environment(BUILT["worker"])["SHUTDOWN_GRACE_SECONDS"])
    assert grace < float(BUILT["worker"]["stop_grace_period"].removesuffix("s"))


def test_the_cluster_is_configured_as_the_local_server() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "temporal" / "dynamicconfig.yaml").read_text())
    values = {key: str(rules[0]["value"]).lower() for key, rules in config.items()}
    assert values == temporal.DYNAMIC_CONFIG


def test_the_local_server_knows_every_search_attribute() -> None:
    program = temporal.program(ROOT, 1, 2, database=None, log=ROOT)
    for attribute in search_attributes.ALL:
        assert f"{attribute.name}=Keyword" in program.argv


def test_the_image_is_pinned_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert "USER 10001" in lines
    assert 'ENTRYPOINT ["tripsaga"]' in lines
    installs = [line for line in lines if "pip install" in line]
    assert all("--require-hashes" in line or "--editable ." in line for line in installs)


@pytest.mark.parametrize("name", ["build", "run", "dev"])
def test_requirements_name_no_registry_and_hash_everything(name: str) -> None:
    file = "requirements.txt" if name == "run" else f"requirements-{name}.txt"
    text = (ROOT / file).read_text()
    assert "://" not in text
    assert "--index" not in text
    pins = re.findall(
        r"^[A-Za-z0-9_.\[\]-]+==[^\n]*\\\n((?:    --hash=sha256:\S+(?: \\)?\n)+)", text, re.M
    )
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9_.\[\]-]+==", text, re.M)) > 0


def test_make_help_goes_in_the_order_one_needs_it() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = re.findall(r"^  make (\S+) +(\S.*)$", shown.stdout, re.M)
    targets = [name for name, _ in named]
    assert targets[1:4] == ["run", "setup", "dev"]
    assert targets.index("test") < targets.index("check") < targets.index("test-exhaustive")
    assert targets[-2:] == ["clean-state", "clean"]


def test_requirements_are_those_of_pyproject() -> None:
    """A dependency added to pyproject.toml and not pinned would be missing after `make run`."""
    pyproject = (ROOT / "pyproject.toml").read_text()
    block = pyproject.partition("dependencies = [")[2].partition("]\n")[0]
    named = re.findall(r'^    "([A-Za-z0-9_-]+)', block, re.M)
    pinned = (ROOT / "requirements.txt").read_text()
    assert named
    for name in named:
        assert re.search(rf"^{name.lower()}==", pinned, re.M), f"`make lock`: {name} is not pinned"
