"""The door of this package: load, resolve and report. Everything here raises ConfigError only."""

from config.account import ENVIRONMENT, resolve_account
from config.calendar import load_calendar
from config.errors import ConfigError
from config.preset_files import (
    DEFAULT_PRESET,
    list_presets,
    load_preset,
    preset_file,
    preset_in,
)
from config.profiles import accounts_file, load_profiles
from config.report import config_report
from config.rules import list_rules, load_rules
from config.schema import (
    AccountProfile,
    AlertSettings,
    CheckedLimits,
    CliOverrides,
    Preset,
    ReportRow,
    ResolvedAccount,
    with_overrides,
)
from config.secrets import Secret
from config.symbols import load_symbols, symbols_yaml

__all__ = [
    "DEFAULT_PRESET",
    "ENVIRONMENT",
    "AccountProfile",
    "AlertSettings",
    "CheckedLimits",
    "CliOverrides",
    "ConfigError",
    "Preset",
    "ReportRow",
    "ResolvedAccount",
    "Secret",
    "accounts_file",
    "config_report",
    "list_presets",
    "list_rules",
    "load_calendar",
    "load_preset",
    "load_profiles",
    "load_rules",
    "load_symbols",
    "preset_file",
    "preset_in",
    "resolve_account",
    "symbols_yaml",
    "with_overrides",
]
