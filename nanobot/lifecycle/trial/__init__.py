"""Trials: what is configured, tried out in a house of its own, in a time of its own, with nothing really done.

time        loop.py     an event loop whose clock jumps to the next thing that is due
house       stage.py    a real hub with what acts within it alone; the rest is written down instead of done
tests       found.py    the ``tests:`` of automations, scripts and blueprints, and what is wrong with them
            play.py     plays one of them
            compare.py  what was done compared with what should have been
history     replay.py   what an automation would have done in the days that were recorded
"""
