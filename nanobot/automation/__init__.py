"""The automation language: what starts a run, what decides about it, and what it does.

    written   schema.py     one automation as it stands in the YAML, and as it is understood
    words     words.py      finds triggers/, conditions/ and actions/ by file name, those of integrations too
    starts    attach.py     attaches the triggers of one automation
    decides   decide.py     checks the conditions
    does      sequence.py   one action after the other, without a task for as long as nothing waits
    runs      runner.py     how many at a time: single, restart, queued, parallel

A word is one file. It knows nothing of automations: a trigger calls back, a condition answers, an action acts. So a
script, a schedule or a wait within a run uses the same words.
"""
