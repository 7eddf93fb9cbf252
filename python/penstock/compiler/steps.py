"""Steps as the plan says them: settings resolved, jumps as positions, references as keys."""

from collections.abc import Sequence
from typing import Any

from penstock.base.names import did_you_mean
from penstock.base.problem import Problem, Steps
from penstock.compiler.compiled import Fragment
from penstock.compiler.flow import check_flow
from penstock.compiler.place import Place
from penstock.compiler.plan_types import Jump
from penstock.compiler.plan_types import Step as PlanStep
from penstock.compiler.settings import Written, resolve_settings, without_secrets
from penstock.filters.catalogue import Catalogue, FilterKind
from penstock.model.kinds import resource_key
from penstock.model.loading.words_elsewhere import own_step
from penstock.model.step import END, Step


def compile_steps(steps: Sequence[Step], place: Place, catalogue: Catalogue, fragment: Fragment) -> list[PlanStep]:
    """The steps of one list; what is wrong with them goes to the fragment."""
    is_whole = fragment.is_whole(place.path)
    if is_whole:
        _check_labels(steps, place, fragment)
    kinds = [_kind(step, place.step(index), catalogue, fragment) for index, step in enumerate(steps)]
    positions = {step.label: index for index, step in enumerate(steps) if not step.is_end}
    bodies: list[PlanStep] = []
    for index, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
        path = place.step(index)
        bodies.append(
            {
                "name": _name(steps, index),
                "filter": step.kind,
                "source": {"python": resource_key("Plugin", kind.plugin)} if kind and kind.plugin else "native",
                "settings": _settings(step, path, catalogue, fragment) if kind else None,
                "when": step.when,
                "jumps": _jumps(step, index, positions, (path, kind, fragment)),
            }
        )
        problem = catalogue.check_expression(step.when) if step.when is not None else None
        if problem:
            fragment.error((*path, "when"), problem)
    if is_whole and all(kind or step.is_end for kind, step in zip(kinds, steps, strict=True)):
        check_flow(steps, kinds, place, fragment)
    return bodies


def _kind(step: Step, path: Steps, catalogue: Catalogue, fragment: Fragment) -> FilterKind | None:
    if step.is_end:
        return None
    kind = catalogue.kinds.get(step.kind)
    if kind is None:
        hint = own_step(step.kind) or did_you_mean(step.kind, catalogue.kinds)
        message = f"no filter is called `{step.kind[:80]}`"
        if hint:
            fragment.error((*path, "kind"), message, hint)
        else:
            fragment.strangers.append(Problem((*path, "kind"), message, "`penstock filters` lists them"))
    return kind


def _settings(step: Step, path: Steps, catalogue: Catalogue, fragment: Fragment) -> Any:
    checked = catalogue.check(step.kind, step.settings)
    schema, written = catalogue.kinds[step.kind].schema, Written(step.settings, path)
    if not checked.problems:
        return resolve_settings(schema, checked.settings, written, fragment)
    # Names that lead nowhere are told too, but nothing twice.
    beside = Fragment()
    resolve_settings(schema, step.settings, written, beside)
    for problem in checked.problems:
        said = [without_secrets(text, beside.secrets.values()) for text in (problem.message, problem.hint)]
        fragment.error((*path, *problem.path), *said)
    told = {(*path, *problem.path) for problem in checked.problems}
    fragment.references += [one for one in beside.references if one.path not in told]
    fragment.problems += [one for one in beside.problems if one.path not in told]
    return None


def _jumps(
    step: Step, index: int, positions: dict[str, int], where: tuple[Steps, FilterKind | None, Fragment]
) -> list[Jump]:
    path, kind, fragment = where
    jumps: list[Jump] = []
    for result, target in step.on.items():
        at = (*path, "on", result)
        if kind and result not in kind.results:
            known = f"its results are {', '.join(kind.results)}" if kind.results else "it has none"
            fragment.error(
                at, f"`{step.kind}` has no result `{result[:80]}`", did_you_mean(result, kind.results) or known
            )
        if target == END:
            jumps.append({"result": result, "to": "end"})
        elif target not in positions:
            if not fragment.is_whole(path[:-1]):
                continue
            hint = did_you_mean(target, [*positions, END]) or "write the name of a later step, or `end`"
            fragment.error(at, f"no step is called `{target[:80]}`", hint)
        elif positions[target] <= index:
            fragment.error(at, f"step `{target}` is not behind this one; jumps only lead forward")
        else:
            jumps.append({"result": result, "to": {"step": positions[target]}})
    return jumps


def _check_labels(steps: Sequence[Step], place: Place, fragment: Fragment) -> None:
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        if step.is_end:
            continue
        first = seen.setdefault(step.label, index)
        if first == index:
            continue
        if step.name is None:
            fragment.error(place.step(index), f"`{step.kind}` is used twice here", "give the second one a `name`")
        else:
            fragment.error((*place.step(index), "name"), f"two steps are called `{step.name}`", "rename one of them")


def _name(steps: Sequence[Step], index: int) -> str:
    """The name of a step; of several ends each further one is numbered, since names are unique."""
    step = steps[index]
    earlier = sum(before.is_end for before in steps[:index]) if step.is_end else 0
    return f"{step.label}.{earlier + 1}" if earlier else step.label
