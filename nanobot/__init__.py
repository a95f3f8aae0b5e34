"""nanobot: a hub in which what ``configuration.yaml`` names comes to life.

Who may import whom (an import goes down, never up; ``lint-imports`` says so):

    app · cli            the process: start, signals, stop; one file per command
    lifecycle            what runs: loading, planning and applying configurations
    automation | agent   the automation language; the craft of a turn
    conversations        messages between channels and agents: kept, queued, answered, delivered
    hub                  what happens: events, states, services, entries
    config               what the user wrote
    storage              what has to outlive the process
    contracts            what an integration may offer; pure types
    errors · util · paths

``integrations/*`` may use everything from automation and agent downwards, and never one another.
"""

__version__ = "0.1.0"
