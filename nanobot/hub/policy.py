"""The one gate: whether something may be done. Every call of a tool passes it, and services where a rule wants that.

The strictest of all policies counts. Where the person who runs nanobot has written no rule, the default rules do.
"""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nanobot.contracts.policy import AGENT, Act, Asker, Judgement, Limited, Policy, Verdict
from nanobot.contracts.tool import Risk
from nanobot.errors import ServiceError
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.contracts.service import Service
    from nanobot.hub.context import Context
    from nanobot.hub.hub import Hub

POLICY_DECISION = "policy_decision"
TURNS = 2000  # turns of which is remembered that they are tainted
ALLOWED = Judgement(Verdict.ALLOW)

_log = logging.getLogger(__name__)


class PolicyGate:
    """``judge`` decides; ``taint`` and ``is_tainted`` know in which turns words of strangers had a part."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tainted: OrderedDict[str, None] = OrderedDict()
        self.key = secrets.token_bytes(16)
        """Of the marks around words of strangers: nobody outside of this process can make one."""
        hub.policies.watch(self.look_again)

    # -- judging ----------------------------------------------------------------------------------------

    def judge(self, act: Act, context: Context | None = None) -> Judgement:
        """The verdict, which is also told to whoever listens for ``policy_decision``. Raises nothing."""
        return self.judge_all((act,), context)

    def judge_all(self, acts: Iterable[Act], context: Context | None = None) -> Judgement:
        """The strictest verdict about several things that are done at once."""
        strictest = ALLOWED
        for act in acts:
            found = self._judged(act)
            self._tell(act, found, context)
            strictest = found if found.verdict > strictest.verdict else strictest
        return strictest

    def limited(self, asker: Asker) -> Limited | None:
        """Whether a message gets no turn now."""
        for policy in self._hub.policies if len(self._hub.policies) else ():
            try:
                found = policy.limited(asker)
            except Exception:  # a fault of an integration keeps nobody from talking; what is done is judged anyway
                _log.exception("the policy %s failed", policy.name)
                continue
            if found is not None:
                return found
        return None

    # -- taint ------------------------------------------------------------------------------------------

    def taint(self, turn: str) -> None:
        """Words of strangers have a part in a turn from now on."""
        self._tainted[turn] = None
        self._tainted.move_to_end(turn)
        if len(self._tainted) > TURNS:
            self._tainted.popitem(last=False)

    def is_tainted(self, turn: str) -> bool:
        """Whether that was said of a turn."""
        return turn in self._tainted

    # -- services that no agent calls -------------------------------------------------------------------

    def look_again(self) -> None:
        """Policies came, went or changed what they are about: services pass the gate only while one wants that."""
        wanted = frozenset[str]().union(*(policy.actors for policy in self._hub.policies)) - {AGENT}
        self._actors = wanted
        self._hub.services.gate = self._check_service if wanted else None

    def _check_service(self, service: Service, data: Mapping[str, Any], context: Context) -> None:
        if context.actor not in self._actors:
            return
        name = f"{service.domain}.{service.name}"
        act = Act(context.actor, name, service.risk, data, person=context.user_id or "")
        judgement = self.judge(act, context)
        if judgement.verdict is not Verdict.ALLOW:
            raise ServiceError(judgement.why or translate("policy.refused", self._hub.language, what=name))

    # -- inside -----------------------------------------------------------------------------------------

    def _judged(self, act: Act) -> Judgement:
        own: Judgement | None = None
        strictest: Judgement | None = None
        for policy in self._hub.policies if len(self._hub.policies) else ():
            found = self._asked(policy, act)
            if found is None:
                continue
            if policy.loosens:
                own = found if own is None or found.verdict > own.verdict else own
            else:
                strictest = found if strictest is None or found.verdict > strictest.verdict else strictest
        basis = self._by_default(act) if own is None else own
        return basis if strictest is None or strictest.verdict <= basis.verdict else strictest

    def _asked(self, policy: Policy, act: Act) -> Judgement | None:
        try:
            return policy.judge(act)
        except Exception:  # whatever is wrong with it, it must not open the gate
            _log.exception("the policy %s failed", policy.name)
            return self._because(Verdict.DENY, "failed", act, name=policy.name)

    def _by_default(self, act: Act) -> Judgement:
        """Secure and usable: what cannot be undone is asked, what leaves the house is asked once strangers had a say,
        and guests get what the tools themselves leave to them."""
        if act.actor != AGENT:
            return ALLOWED
        if not act.owner and act.risk is not Risk.READ and (act.risk is Risk.DANGEROUS or not act.guarded):
            return self._because(Verdict.DENY, "guest", act)
        if act.risk is Risk.DANGEROUS:
            return self._because(Verdict.ASK, "dangerous", act)
        if act.risk is Risk.OUTSIDE and act.tainted and act.owner:
            return self._because(Verdict.ASK, "tainted", act)
        return ALLOWED

    def _because(self, verdict: Verdict, key: str, act: Act, **more: object) -> Judgement:
        return Judgement(verdict, translate(f"policy.{key}", self._hub.language, what=act.what, **more))

    def _tell(self, act: Act, judgement: Judgement, context: Context | None) -> None:
        hub = self._hub
        if hub.bus.route(POLICY_DECISION):
            data = {
                "what": act.what,
                "verdict": judgement.verdict.word,
                "why": hub.scrubber.scrub(judgement.why),
                "actor": act.actor,
                "risk": act.risk.value,
                "person": act.person,
                "agent": act.agent,
                "session": act.session,
                "turn": act.turn,
                "tainted": act.tainted,
            }
            hub.bus.fire(POLICY_DECISION, data, context)
