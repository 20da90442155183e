"""What every part of the settings is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
