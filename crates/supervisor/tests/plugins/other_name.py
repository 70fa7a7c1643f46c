"""Is another driver than the one that was asked for."""
from plugin import greet

greet(name="other")
