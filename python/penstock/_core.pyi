"""The Rust core: conversions and checks; every text is JSON unless said otherwise."""

def native_filters() -> str:
    """The core's filters: a list of {name, summary, page, schema, example, results, buffers_body, source}."""

def check_filter(kind: str, settings_json: str) -> str:
    """Settings checked: {"settings": resolved or null, "problems": [{path, message, hint}]}."""

def check_expression(text: str) -> str | None:
    """What is wrong with a condition (plain text), or None."""

def check_template(text: str) -> str | None:
    """What is wrong with a template (plain text), or None."""

def check_regex(text: str) -> str | None:
    """What is wrong with a regular expression (plain text), or None."""

def plan_schema() -> str:
    """The JSON Schema of a plan."""
