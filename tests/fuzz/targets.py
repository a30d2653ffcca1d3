"""Every target, by name."""

from __future__ import annotations

from tests.fuzz import (
    bundle_targets,
    custodian_targets,
    custody_targets,
    device_targets,
    format_targets,
    network_targets,
    tool_key_targets,
    verify_targets,
)

TARGETS = {
    target.name: target
    for module in (
        verify_targets,
        format_targets,
        tool_key_targets,
        network_targets,
        bundle_targets,
        device_targets,
        custody_targets,
        custodian_targets,
    )
    for target in module.TARGETS
}
