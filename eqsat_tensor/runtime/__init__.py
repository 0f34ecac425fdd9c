"""The callable: arguments, state, bindings, the cache, native calls."""
