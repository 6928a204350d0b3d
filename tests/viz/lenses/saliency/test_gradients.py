"""The gradient itself: typed-in maps, and captum called the plain way."""

from __future__ import annotations

import torch
from captum.attr import InputXGradient, Saliency

from tests.viz.lenses.saliency.hand import linear, problem_of
from tests.viz.lenses.saliency.small_nets import AT, Hidden, Saturated, images, plain_net
from viz.lenses.saliency.methods import attribute

WEIGHTS = torch.tensor([[[1.0, -2.0], [0.0, 3.0]]])


def test_a_linear_network() -> None:
    x = torch.tensor([[[[2.0, 1.0], [5.0, -1.0]]]])
    problem = problem_of(linear(WEIGHTS), x)
    assert attribute("saliency", problem).values.tolist() == [[[[1.0, 2.0], [0.0, 3.0]]]]
    assert attribute("input_x_gradient", problem).values.tolist() == [[[[2.0, -2.0], [0.0, -3.0]]]]


def test_two_layers_by_hand() -> None:
    problem = problem_of(Hidden(), AT)
    assert attribute("saliency", problem).values.tolist() == [[[[1.0, 5.0]]]]
    assert attribute("input_x_gradient", problem).values.tolist() == [[[[-3.0, -5.0]]]]


def test_two_classes_against_each_other() -> None:
    """The other class is relu(a − b) + relu(a + b − 3), whose gradient is (2, 0)."""
    problem = problem_of(Hidden(), AT)
    both = torch.tensor([[0, 1]])
    contrast = type(problem)(problem.explained, AT, both, problem.info)
    assert attribute("saliency", contrast).values.tolist() == [[[[3.0, 5.0]]]]
    assert attribute("input_x_gradient", contrast).values.tolist() == [[[[-9.0, -5.0]]]]


def test_where_the_answer_is_saturated_there_is_no_gradient() -> None:
    problem = problem_of(Saturated(), torch.tensor([[[[2.0]]]]))
    assert attribute("saliency", problem).values.tolist() == [[[[0.0]]]]


def test_as_captum() -> None:
    net, x = plain_net(pools=True), images()
    classes = [4, 0, 2]
    problem = problem_of(net, x, classes=classes)
    leaf = x.clone().requires_grad_()
    wanted = Saliency(net).attribute(leaf, target=classes)
    assert torch.equal(attribute("saliency", problem).values, wanted)
    wanted = InputXGradient(net).attribute(leaf, target=classes)
    assert torch.equal(attribute("input_x_gradient", problem).values, wanted.detach())
