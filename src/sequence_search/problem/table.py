"""A table of a problem file."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Table(BaseModel):
    """A table that makes a type, which checks it."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    makes: ClassVar[Any]

    def make(self, *name: str) -> Any:
        """The type, of what the file states; of a tissue, by its name."""
        return self.makes(*name, **{key: getattr(self, key) for key in self.model_fields_set})

    @model_validator(mode="after")
    def _check(self) -> Table:
        self.make()
        return self


def key(alias: str | None = None, about: str | None = None) -> Any:
    """A key that may be left out, where the default of the type counts."""
    return Field(None, alias=alias, description=about)
