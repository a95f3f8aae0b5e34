"""Between the channels and the agents: every message is kept until it is answered, every answer until it is sent.

channel → gate → inbox → the session's queue → turn → outbox → delivery → channel
"""
