"""Speaks a later protocol."""
from plugin import greet

greet(protocol=(7, 9))
