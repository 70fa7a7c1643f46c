"""Never says hello."""
from plugin import sleep

sleep()
