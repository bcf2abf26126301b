import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from sequence_search.engines.bloch import longitudinal_decay, precession, rotation

angle = st.floats(-10, 10)


def rotate(vector, flip_angle, phase):
    """Rotation of (x, y, z) about the axis (cos phase, sin phase, 0), by Rodrigues' formula."""
    axis = torch.tensor([math.cos(phase), math.sin(phase), 0.0], dtype=torch.float64)
    # A positive flip about +x takes +z to -y: right-handed rotation.
    cross = torch.linalg.cross(axis, vector)
    along = axis * (axis @ vector) * (1 - math.cos(flip_angle))
    return vector * math.cos(flip_angle) + cross * math.sin(flip_angle) + along


@given(angle, angle, st.tuples(angle, angle, angle))
def test_rotation_is_that_of_rodrigues(flip_angle, phase, vector):
    vector = torch.tensor(vector, dtype=torch.float64)
    x, y, z = rotate(vector, flip_angle, phase)
    pulse = rotation(*torch.tensor([flip_angle, phase], dtype=torch.float64))
    mxy = torch.complex(vector[0], vector[1])
    after = pulse.stay * mxy + pulse.conjugate * mxy.conj() + pulse.excite * vector[2]
    torch.testing.assert_close(after, torch.complex(x, y), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(pulse.keep * vector[2] + (pulse.store * mxy).imag, z, atol=1e-12, rtol=1e-12)


def test_phase_zero_turns_mz_to_minus_i():
    pulse = rotation(*torch.tensor([math.pi / 2, 0.0], dtype=torch.float64))
    torch.testing.assert_close(pulse.excite, torch.tensor(-1j, dtype=torch.complex128))


def test_precession_and_decay():
    t, t1, t2, b0 = torch.tensor([0.01, 0.8, 0.05, 10.0], dtype=torch.float64)
    expected = complex(math.exp(-0.2) * math.cos(0.2 * math.pi), math.exp(-0.2) * math.sin(0.2 * math.pi))
    torch.testing.assert_close(precession(t, t2, b0), torch.tensor(expected, dtype=torch.complex128))
    torch.testing.assert_close(
        longitudinal_decay(t, t1), torch.tensor(math.exp(-0.0125), dtype=torch.float64)
    )
