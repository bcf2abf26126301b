"""Brain images of a design and of the conventional sequence, for a page."""

from __future__ import annotations

from functools import cache
from html import escape

from sequence_search.explanation.conventional import conventional_name, conventional_sequence
from sequence_search.extras import MissingExtraError
from sequence_search.page.pictures import picture
from sequence_search.preview import Anatomy, icbm152, image, middle_slices, preview_figure
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

VOXEL_MM = (2.0, 2.0, 2.0)
DPI = 110
HOW = "Of the mean of 152 heads (ICBM 2009a), b0 and b1 drawn as the problem says, all in one window."


def brain_section(problem: Problem, sequence: Sequence) -> str:
    """HTML of what a design gives of a brain; in place of it one line where that cannot be shown.

    It needs the extra [preview], and GM, WM and CSF in the tissues of the problem.
    """
    other = conventional_sequence(problem, sequence)
    shown = {"best design": sequence} | ({} if other is None else {conventional_name(problem): other})
    try:
        anatomy = _template()
        slices = middle_slices(anatomy, 3 if max(each.n_readouts for each in shown.values()) == 1 else 1)
        images = {name: image(each, problem, anatomy, slices=slices) for name, each in shown.items()}
    except MissingExtraError as error:
        return _section(f"<p>{escape(str(error))}</p>")
    except ProblemError as error:
        return _section(f"<p>No preview: {escape(str(error))}.</p>")
    figure = preview_figure(images, slices)
    says = f"Brain images of {' and of '.join(shown)}"
    return _section(f"{picture(figure, says, dpi=DPI, in_colours=True)}<p class='note'>{HOW}</p>")


def _section(content: str) -> str:
    return f'<h3>On a brain</h3><div class="figures wide">{content}</div>'


@cache
def _template() -> Anatomy:
    return icbm152(VOXEL_MM)
