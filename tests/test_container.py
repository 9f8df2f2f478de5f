"""The image and the compose file: judged by rules, and the image's own steps run, as far as that goes without Docker."""

import asyncio
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from bot import __version__
from bot.config import Settings
from bot.sandbox.server import LocalSlack
from tests.support import compose
from tests.support.dockerfile import Stage, Step, parse

ROOT = Path(__file__).parent.parent
FILE = parse(ROOT / "Dockerfile")
BUILD, FINAL = FILE.stages
SETTINGS = {name.upper() for name in Settings.model_fields}
SETTINGS |= {f"{name}_FILE" for name in SETTINGS}
COMPOSE = (ROOT / "compose.yaml").read_text()


def wording(stage: Stage) -> str:
    return "\n".join(f"{step.word} {step.rest}" for step in stage.steps)


class TestDockerfile:
    def test_is_built_in_stages_from_the_slim_image_of_one_version(self) -> None:
        assert {stage.image for stage in FILE.stages} == {"python:${PYTHON}-slim"}
        assert re.fullmatch(r"3\.1[1-9]", FILE.arguments["PYTHON"])

    def test_uses_only_instructions_that_exist(self) -> None:
        known = {"RUN", "COPY", "ENV", "WORKDIR", "LABEL", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
        assert {step.word for stage in FILE.stages for step in stage.steps} <= known

    def test_installs_from_the_lock_alone(self) -> None:
        installs = re.findall(r"pip(?: --python \S+)? install ([^&]*)", wording(BUILD))
        assert len(installs) == 3
        for how in installs:
            assert "--no-deps" in how
            assert "--require-hashes" in how or "--no-index" in how
        assert "pip --python /opt/casewire/bin/python check" in wording(BUILD)
        assert "apt-get" not in wording(BUILD) + wording(FINAL)

    def test_what_builds_the_wheel_is_all_in_the_lock(self) -> None:
        done = run_shell(
            next(step.rest for step in BUILD.all("RUN") if "awk" in step.rest).split(" > ")[0], cwd=ROOT
        )
        pinned = re.findall(r"^([a-z-]+)==", done, re.M)
        assert pinned == ["hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"]
        assert done.count("--hash=") >= len(pinned)

    def test_ships_no_build_tool_and_no_secret(self) -> None:
        [copied] = [step.words for step in FINAL.all("COPY")]
        assert copied == ["/opt/casewire", "/opt/casewire"]
        assert "pip uninstall --yes pip" in wording(FINAL)
        assert "install" not in wording(FINAL).replace("install --directory", "").replace("uninstall", "")
        given = {name for step in FINAL.all("ENV") for name in re.findall(r"(\w+)=", step.rest)}
        assert not {name for name in given if re.search(r"TOKEN|PASSWORD|SECRET", name)}
        assert given - SETTINGS == {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}

    def test_does_not_run_as_root(self) -> None:
        assert int(FINAL.all("USER")[-1].rest) > 0
        after = FINAL.steps[FINAL.steps.index(FINAL.all("USER")[-1]) :]
        assert not {"RUN", "COPY"} & {step.word for step in after}

    def test_writes_only_where_a_volume_is(self) -> None:
        [volume] = FINAL.all("VOLUME")
        [home] = FINAL.all("WORKDIR")
        assert volume.rest == home.rest == "/data"
        assert "DATABASE_URL=sqlite:////data/" in wording(FINAL)

    def test_looks_after_its_health_within_its_own_time(self) -> None:
        [check] = FINAL.all("HEALTHCHECK")
        assert set(check.options) == {"interval", "timeout", "start-period", "retries"}
        code = check.rest.partition("CMD ")[2]
        program = Step("CMD", code).words
        assert program[:2] == ["python", "-c"]
        compile(program[2], "healthcheck", "exec")
        inner = re.search(r"timeout=(\d+)", program[2])
        assert inner is not None
        assert int(inner[1]) < int(check.options["timeout"].removesuffix("s"))

    def test_starts_the_program_itself_and_no_shell(self) -> None:
        [command] = FINAL.all("CMD")
        assert command.words == ["casewire", "run"]
        assert command.rest.startswith("[")

    def test_nothing_but_what_is_copied_is_sent_to_the_builder(self) -> None:
        ignore = (ROOT / ".dockerignore").read_text().splitlines()
        sent = {line.removeprefix("!") for line in ignore if line.startswith("!")}
        copied = {word for step in BUILD.all("COPY") for word in step.words[:-1]}
        assert ignore[1] == "*"
        assert sent == copied
        assert {"**/.env*", "**/*.db"} <= set(ignore)
        assert all((ROOT / name).exists() for name in copied)


def run_shell(text: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(["sh", "-euc", text], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


class Builder:
    """Runs a Dockerfile's steps below a directory that stands for the image's root."""

    def __init__(self, root: Path, stands_for_image: Path) -> None:
        self.root = root
        self.bin = stands_for_image
        self.where = root
        self.env = {"PATH": f"{root}/stubs:{stands_for_image}:/usr/bin:/bin", "ROOT": str(root)}
        passed = (
            "HOME",
            "PIP_",
            "SSL_",
            "HTTP",
            "http",
            "REQUESTS_",
        )  # how the package index is reached from here
        self.env |= {name: value for name, value in os.environ.items() if name.startswith(passed)}

    def here(self, text: str) -> str:
        """The image's paths as they are below our root."""
        return re.sub(r"(?<![\w/.{}-])/(?=(?:opt|src|tmp|data|usr/local)\b)", f"{self.root}/", text)

    def run(self, stage: Stage, before: Path | None = None) -> None:
        for step in stage.steps:
            match step.word:
                case "RUN":
                    run_shell(self.here(step.rest), self.where, self.env)
                case "WORKDIR":
                    self.where = Path(self.here(step.rest))
                    self.where.mkdir(parents=True, exist_ok=True)
                case "COPY" if before is not None:
                    for source in step.words[:-1]:
                        self.copy(before / source.lstrip("/"), Path(self.here(step.words[-1])))
                case "COPY":
                    for source in step.words[:-1]:
                        target = self.where / step.words[-1]
                        self.copy(ROOT / source, target / source if step.words[-1] == "./" else target)
                case "ENV":
                    for name, given in re.findall(r"(\w+)=(\S+)", step.rest):
                        value = given.replace("$PATH", self.env["PATH"])
                        self.env[name] = self.here(value).replace("////data", f"///{self.root}/data")

    def copy(self, source: Path, target: Path) -> None:
        ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("**/")]

        def ignore(_folder: str, names: list[str]) -> set[str]:
            return {name for name in names for line in ignored if fnmatch.fnmatch(name, line.removeprefix("**/"))}

        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=ignore if source.is_relative_to(ROOT) else None)
        else:
            shutil.copyfile(source, target)


STUBS = {
    # The user is noted, and the directory belongs to us: neither needs root then.
    "useradd": 'echo "$*" >> "$ROOT/users"; /usr/sbin/useradd --help > "$ROOT/known"\n'
    'for word; do case "$word" in --*) grep -q -e "$word" "$ROOT/known";; esac; done',
    "install": 'grep -q "casewire$" "$ROOT/users"\n'
    'mkdir -p "$(for word; do last=$word; done; echo "$last")"; chmod 700 "$ROOT/data"',
}


# Notes each file that is opened to be written, as Python's audit events tell.
WATCHER = """
import os, sys
def watch(event, details, out=os.environ["WRITES"]):
    if event == "open" and isinstance(details[0], str) and details[0] != out and details[2] & 3:
        with open(out, "a") as file:
            file.write(os.path.abspath(details[0]) + "\\n")
sys.addaudithook(watch)
"""


@pytest.fixture
def image(tmp_path: Path) -> Builder:
    """The Dockerfile's steps, run below a clean directory; the last stage as it is in the end."""
    base = tmp_path / "base"
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    roots = [tmp_path / "build", tmp_path / "final"]
    for root in roots:
        (root / "stubs").mkdir(parents=True)
        for name in ("tmp", "data", "usr/local/lib/python3.13/ensurepip"):
            (root / name).mkdir(parents=True)
        for name, script in STUBS.items():
            (root / "stubs" / name).write_text(f"#!/bin/sh -e\n{script}\n")
            (root / "stubs" / name).chmod(0o755)
    Builder(roots[0], base / "bin").run(BUILD)
    final = Builder(roots[1], base / "bin")
    final.run(FINAL, before=roots[0])
    assert not (base / "bin" / "pip").exists(), "what could install is gone"
    assert not (roots[1] / "usr/local/lib/python3.13/ensurepip").exists()
    return final


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_steps_of_the_dockerfile_make_a_program_that_runs_and_is_healthy(
    image: Builder, tmp_path: Path, unused_tcp_port: int
) -> None:
    shipped = image.root / "opt" / "casewire"
    [packages] = shipped.glob("lib/python3*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert {"bot", "storage", f"casewire-{__version__}.dist-info"} <= names
    assert not {"pip", "setuptools", "wheel", "hatchling", "pytest", "tests"} & names

    (tmp_path / "watcher").mkdir()
    (tmp_path / "watcher" / "sitecustomize.py").write_text(WATCHER)
    writes = tmp_path / "writes"
    # Its scripts name the interpreter of the stage that they were made in; a real image has both at one path.
    python = shipped / "bin" / "python"
    async with LocalSlack() as slack:
        env = image.env | slack.environment | {"PORT": str(unused_tcp_port), "HOST": "127.0.0.1"}
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "bot", "run"),
            env=env | {"PYTHONPATH": str(tmp_path / "watcher"), "WRITES": str(writes)},
            cwd=image.where,
            stdout=subprocess.DEVNULL,
        )

        async def health() -> int:
            [check] = FINAL.all("HEALTHCHECK")
            program = [python, *Step("CMD", check.rest.partition("CMD ")[2]).words[1:]]
            asked = await asyncio.create_subprocess_exec(*program, env=env, stderr=subprocess.DEVNULL)
            return await asked.wait()

        try:
            await slack.wait_for(lambda: slack.connected, timeout=60)
            async with asyncio.timeout(60):
                while await health() != 0:
                    await asyncio.sleep(0.2)
        finally:
            process.terminate()
            assert await process.wait() == 0
        assert await health() != 0, "nobody answers any more"
    assert (image.root / "data" / "casewire.db").exists()
    places = {Path(line) for line in writes.read_text().splitlines()}
    writable = (image.root / "data", image.root / "tmp")
    assert any(place.is_relative_to(writable[0]) for place in places)
    below = {place for place in places if place.is_relative_to(image.root)}
    assert {place for place in below if not any(map(place.is_relative_to, writable))} == set()
    assert {place.parts[1] for place in places - below} <= {"dev", "tmp"}


class TestCompose:
    FILE = compose.load(COMPOSE)
    SERVICES = FILE["services"]

    def test_is_as_the_specification_has_it(self) -> None:
        jsonschema.validate(self.FILE, compose.SCHEMA, jsonschema.Draft202012Validator)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("restart: unless-stopped", "restart: sometimes"),
            ("interval: 5s", "interval: 5 seconds"),
            ("read_only:", "readonly:"),
            ("condition: service_healthy", "condition: healthy"),
            ("127.0.0.1:8000:8000", "8000:8000/http"),
        ],
    )
    def test_the_schema_would_tell_of_a_slip(self, before: str, after: str) -> None:
        assert before in COMPOSE
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(compose.load(COMPOSE.replace(before, after)), compose.SCHEMA)

    def test_nothing_is_given_twice(self) -> None:
        with pytest.raises(yaml.YAMLError, match="given twice"):
            compose.load("name: a\nname: b\n")

    def test_what_is_used_is_declared_and_what_is_declared_is_used(self) -> None:
        used = {name for service in self.SERVICES.values() for name in service.get("secrets", ())}
        assert used == set(self.FILE["secrets"])
        mounted = {volume.split(":")[0] for one in self.SERVICES.values() for volume in one["volumes"]}
        assert mounted == set(self.FILE["volumes"])
        for service in self.SERVICES.values():
            assert set(service.get("depends_on", ())) <= set(self.SERVICES)

    def test_a_secret_is_read_from_a_file_of_its_service(self) -> None:
        for service in self.SERVICES.values():
            files = {
                value.removeprefix("/run/secrets/")
                for name, value in service["environment"].items()
                if name.endswith("_FILE")
            }
            assert files == set(service.get("secrets", ()))
            assert not [name for name in service["environment"] if re.search(r"(TOKEN|PASSWORD)$", name)]

    def test_it_sets_nothing_that_is_no_setting(self) -> None:
        for name in ("bot", "dev"):
            assert set(self.SERVICES[name]["environment"]) <= SETTINGS

    def test_a_url_is_given_in_one_way_only(self) -> None:
        assert self.SERVICES["bot"]["environment"]["DATABASE_URL"] == ""

    def test_nothing_is_reached_from_other_machines(self) -> None:
        ports = [port for service in self.SERVICES.values() for port in service.get("ports", ())]
        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert len(ports) == len(set(ports))

    @pytest.mark.parametrize("name", ["bot", "dev"])
    def test_the_bot_is_confined(self, name: str) -> None:
        service = self.SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["tmpfs"] == ["/tmp"]

    def test_every_part_is_looked_after_and_its_log_does_not_fill_the_disk(self) -> None:
        assert self.SERVICES["db"]["healthcheck"]["test"][0] == "CMD-SHELL"
        assert FINAL.all("HEALTHCHECK"), "the bot's is in its image"
        for service in self.SERVICES.values():
            assert service["logging"]["options"]["max-size"]

    def test_the_trial_desk_stands_alone(self) -> None:
        dev = self.SERVICES["dev"]
        assert dev["profiles"] == ["dev"]
        assert "depends_on" not in dev
        assert dev["env_file"] != self.SERVICES["bot"]["env_file"], "two desks on one app would share its events"
        assert dev["environment"]["DATABASE_URL"].startswith("sqlite:")

    def test_the_image_is_of_this_version(self) -> None:
        assert self.SERVICES["bot"]["image"] == f"casewire:{__version__}"

    def test_the_guide_makes_every_secret_that_it_needs(self) -> None:
        guide = (ROOT / "docs" / "install.md").read_text()
        made = set(re.findall(r"> secrets/(\w+)", guide))
        assert made == {Path(secret["file"]).name for secret in self.FILE["secrets"].values()}

    def test_secrets_are_kept_out_of_the_repository_and_the_image(self) -> None:
        ignored = (ROOT / ".gitignore").read_text().splitlines()
        assert {"secrets/", ".env", ".env.*"} <= set(ignored)
