"""The complete contract suite of a store, which every backend must pass."""

from outlast.testing.contract.adopting import AdoptContract
from outlast.testing.contract.api_keys import ApiKeyContract
from outlast.testing.contract.audit import AuditContract, MetricSampleContract
from outlast.testing.contract.callbacks import CallbackContract
from outlast.testing.contract.cancel_and_retry import AnswerContract, CancelContract, RetryContract
from outlast.testing.contract.claiming import ClaimContract, ClaimOrderContract
from outlast.testing.contract.concurrent_use import ConcurrentUseContract
from outlast.testing.contract.deleting import DeleteContract
from outlast.testing.contract.facts import FactContract
from outlast.testing.contract.failures import (
    AttemptDetailContract,
    FailureReasonContract,
    FindSessionContract,
    RetryEachContract,
    SelectionContract,
)
from outlast.testing.contract.fencing import FenceContract
from outlast.testing.contract.finishing import FinishContract
from outlast.testing.contract.lapsing import HeartbeatContract, LapseContract, ReturnContract
from outlast.testing.contract.leaving import LeavingRunContract
from outlast.testing.contract.metrics import MetricContract
from outlast.testing.contract.offering import OfferContract
from outlast.testing.contract.overview import OverviewContract
from outlast.testing.contract.progressing import KeptStepContract, ProgressContract, ResultContract
from outlast.testing.contract.pruning import PruneContract
from outlast.testing.contract.queueing import DelayContract, PauseContract, PermitContract, TurnContract
from outlast.testing.contract.reading import QueuePositionContract, ReadingContract
from outlast.testing.contract.registering import EnrolContract, RegistryContract
from outlast.testing.contract.rescuing import ReleaseWorkerContract, RescueContract
from outlast.testing.contract.reusing import ReuseContract
from outlast.testing.contract.share_links import ShareLinkContract
from outlast.testing.contract.shared_histories import SharedHistoryContract
from outlast.testing.contract.sharing import SharedRunContract
from outlast.testing.contract.start_keys import StartKeyContract
from outlast.testing.contract.starting import LimitContract, StartContract
from outlast.testing.contract.stuck_workers import StuckWorkerContract
from outlast.testing.contract.timing import TimingContract
from outlast.testing.contract.transitions import TransitionContract
from outlast.testing.contract.uploads import UploadContract


class SessionStoreContract(
    StartContract,
    LimitContract,
    ReadingContract,
    QueuePositionContract,
    OverviewContract,
    ClaimContract,
    ClaimOrderContract,
    TurnContract,
    DelayContract,
    PauseContract,
    PermitContract,
    OfferContract,
    ProgressContract,
    KeptStepContract,
    FenceContract,
    FinishContract,
    TransitionContract,
    CancelContract,
    AnswerContract,
    RetryContract,
    AttemptDetailContract,
    SelectionContract,
    FailureReasonContract,
    FindSessionContract,
    RetryEachContract,
    HeartbeatContract,
    LapseContract,
    ReturnContract,
    StuckWorkerContract,
    TimingContract,
    RescueContract,
    ReleaseWorkerContract,
    ResultContract,
    ReuseContract,
    SharedRunContract,
    LeavingRunContract,
    SharedHistoryContract,
    ShareLinkContract,
    UploadContract,
    FactContract,
    AdoptContract,
    PruneContract,
    DeleteContract,
    StartKeyContract,
    CallbackContract,
    ApiKeyContract,
    RegistryContract,
    EnrolContract,
    MetricContract,
    MetricSampleContract,
    AuditContract,
    ConcurrentUseContract,
):
    """Inherit from it in a test file, with a fixture `store` on the fixture `clock`:

    class TestMine(SessionStoreContract):
        @pytest.fixture
        async def store(self, clock, tmp_path):
            store = MyStore(tmp_path, clock)
            await store.open(migrate=True)
            yield store
            await store.close()
    """
