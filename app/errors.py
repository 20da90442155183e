"""Every exception that promptdrift raises on purpose, and the exit code the command line gives it.

PromptdriftError                1
|-- SettingsError               3   a setting is wrong: names it and the remedy
|-- DependencyError             4   broker, Redis or a file store is unreachable: retry later
|   `-- MissingTopic            4   run `promptdrift topics create`
`-- InputError                  5   what was given cannot be used
    |-- ReferenceMismatch       5   a reference made by another encoder, or unreadable
    `-- ModelMissing            5   the sentence-transformers model is not installed
"""


class PromptdriftError(Exception):
    """Root of the tree; the message names what is wrong and what to do."""

    exit_code = 1


class SettingsError(PromptdriftError):
    """A setting is wrong."""

    exit_code = 3


class DependencyError(PromptdriftError):
    """Something outside is unreachable; the same call may work later."""

    exit_code = 4


class MissingTopic(DependencyError):
    """A topic of the catalogue does not exist on the broker."""


class InputError(PromptdriftError):
    """What was given cannot be used."""

    exit_code = 5


class ReferenceMismatch(InputError):
    """The reference was made by another encoder, or its files are damaged."""


class ModelMissing(InputError):
    """The sentence-transformers model is needed and not installed."""
