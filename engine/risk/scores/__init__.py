"""Style scores of assets: one small module a style, with its config and its raw score."""
