"""What the older nanobot left behind, in our words: its ``config.json``, workspace, sessions, jobs, memory and skills.

home       its files, read with care: nothing is followed out of its folders
settings   config.json; with models, channels, tools: which of our keys say the same
jobs       cron/jobs.json as schedules
talk       a session's JSONL as lines of an export
papers     the workspace, its memory and skills, as files of ours
pages      YAML with comments
target     what is in our folder already, and the check of what would be
move       all of it: what would be written, and the writing
"""
