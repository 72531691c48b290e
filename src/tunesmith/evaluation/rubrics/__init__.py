"""Rubrics: by what a judge tells answers apart."""

from tunesmith.evaluation.rubrics.rubric import Criterion, Rubric, choose_rubric, rubric_for

__all__ = ["Criterion", "Rubric", "choose_rubric", "rubric_for"]
