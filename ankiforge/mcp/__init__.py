"""A local MCP server: an agent drafts cards under the program's checks, and a person decides."""
