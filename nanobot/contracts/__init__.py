"""What an integration may offer to the hub: pure types, no behaviour of the hub.

Integrations never import one another. They meet here: one side adds a thing of
one of these types through ``entry.add(thing)``, the other side finds it in the
hub's registry of that type. Registries outlive both, so a reload never cascades.
"""
