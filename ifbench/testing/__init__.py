"""Conformance checks and closed-form problems, for plugin authors; start with `parametrize_with_checks`."""

from ifbench.numerics.prepare import objective_of as objective_of
from ifbench.testing.checks import CHECKS as CHECKS
from ifbench.testing.checks import Check as Check
from ifbench.testing.conformance import CheckResult as CheckResult
from ifbench.testing.conformance import CheckStatus as CheckStatus
from ifbench.testing.conformance import assert_conforms as assert_conforms
from ifbench.testing.conformance import check_estimator as check_estimator
from ifbench.testing.conformance import failures as failures
from ifbench.testing.conformance import ok as ok
from ifbench.testing.conformance import parametrize_with_checks as parametrize_with_checks
from ifbench.testing.conformance import params_to_check as params_to_check
from ifbench.testing.problems import Ridge as Ridge
from ifbench.testing.problems import anisotropic as anisotropic
from ifbench.testing.problems import indefinite as indefinite
from ifbench.testing.problems import isotropic as isotropic
from ifbench.testing.problems import near_isotropic as near_isotropic
from ifbench.testing.problems import one_example as one_example
from ifbench.testing.problems import problem_of as problem_of
from ifbench.testing.problems import ridge as ridge
from ifbench.testing.problems import singular as singular
