"""Printed figures of the study that langmix follows, as data; nothing takes them unless asked."""

from langmix.published._published import Inconsistency, Published, published

__all__ = ["Inconsistency", "Published", "published"]
