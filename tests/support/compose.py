"""What the Compose specification allows, as far as our file goes: https://github.com/compose-spec/compose-spec."""

from typing import Any

import yaml

_DURATION = {"type": "string", "pattern": r"^(\d+(us|ms|s|m|h))+$"}
_SIZE = {"type": "string", "pattern": r"^\d+(b|k|m|g|kb|mb|gb)$"}
_STRINGS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_STRING_OR_STRINGS = {"anyOf": [{"type": "string"}, _STRINGS]}
_NAME = r"^[a-zA-Z0-9._-]+$"
_ENVIRONMENT = {
    "type": "object",
    "patternProperties": {r"^[A-Z_][A-Z0-9_]*$": {"type": ["string", "number", "null"]}},
    "additionalProperties": False,
}
_SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "build": {"type": "string"},
        "image": {"type": "string", "pattern": r"^[a-z0-9./-]+:[\w.-]+$"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "init": {"type": "boolean"},
        "stop_grace_period": _DURATION,
        "read_only": {"type": "boolean"},
        "tmpfs": _STRING_OR_STRINGS,
        "cap_drop": _STRINGS,
        "security_opt": _STRINGS,
        "logging": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "driver": {"type": "string"},
                "options": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "env_file": _STRING_OR_STRINGS,
        "environment": _ENVIRONMENT,
        "secrets": _STRINGS,
        "volumes": {"type": "array", "items": {"type": "string", "pattern": r"^[a-z]+:/[\w/.-]+(:ro)?$"}},
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^([\d.]+:)?\d+:\d+$"}},
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["condition"],
                "properties": {
                    "condition": {
                        "enum": ["service_started", "service_healthy", "service_completed_successfully"]
                    },
                    "restart": {"type": "boolean"},
                    "required": {"type": "boolean"},
                },
            },
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test"],
            "properties": {
                "test": {
                    "type": "array",
                    "prefixItems": [{"enum": ["CMD", "CMD-SHELL", "NONE"]}],
                    "items": {"type": "string"},
                },
                "interval": _DURATION,
                "timeout": _DURATION,
                "start_period": _DURATION,
                "retries": {"type": "integer", "minimum": 1},
            },
        },
        "profiles": _STRINGS,
        "shm_size": _SIZE,
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services"],
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "patternProperties": {_NAME: _SERVICE},
            "additionalProperties": False,
        },
        "secrets": {
            "type": "object",
            "patternProperties": {
                _NAME: {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["file"],
                    "properties": {"file": {"type": "string"}},
                }
            },
            "additionalProperties": False,
        },
        "volumes": {
            "type": "object",
            "patternProperties": {_NAME: {"type": "null"}},
            "additionalProperties": False,
        },
    },
}


class _StrictLoader(yaml.SafeLoader):
    """As Compose reads it: a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice and not getattr(node, "merged", False):
            raise yaml.YAMLError(f"given twice: {sorted(twice)}")
        self.flatten_mapping(node)
        node.merged = True  # type: ignore[attr-defined]
        return super().construct_mapping(node, deep)


def load(text: str) -> dict[str, Any]:
    return yaml.load(text, _StrictLoader)
