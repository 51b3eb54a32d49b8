"""How well the judging does: on files whose labels are known, and on campaigns planted among real reviews."""
