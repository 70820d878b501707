"""The app context, guarded routes, authentication, problem documents, strict JSON."""
