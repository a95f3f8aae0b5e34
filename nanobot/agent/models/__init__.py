"""What integrations that bring models share, so that the same option means the same in all of them.

options    the options of an entry and of a model
offering   what an entry brings by name: put into the hub, kept or changed by an edit
offer      the models of an entry
embedding  the embedders of an entry: their options, and vectors in an answer
pictures   pictures that can be shown, and those that cannot
request    a request in the shape of OpenAI's API, which is what everybody understands
answer     an answer, gathered from its pieces
calls      tool calls, gathered from fragments
thoughts   thoughts in tags, told from the answer
throttle   how many requests at a time, and in a minute
health     how a model does, and when it is left alone
sensor     its health as an entity
usage      the count of tokens that comes with an answer
bill       what a request takes, for those who count
failure    what goes wrong, in sentences
address    what can be told of a server from its address
"""
