"""What describes and watches sessions, talking only to ports: analyses, the use cases, the engine."""
