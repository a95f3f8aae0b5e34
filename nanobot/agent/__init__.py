"""The craft of a turn: what an agent built on a language model does between a message and its answer.

briefing  what the model is told first: who it is, its files, memory, skills, the time and the person
prompt    what it is told then: what was said, what its tools did
asking    which model is asked, how often, and who is asked instead
said      what it answers, within limits
toolbox   what the model may call, and what comes of a call
foreign   words of strangers: marked, and found again
approvals calls that wait for the word of a person
loop      the turn: ask, call, ask again, until there is an answer
models    what integrations that bring models have in common
"""
