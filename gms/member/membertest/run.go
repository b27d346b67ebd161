package membertest

import (
	"testing"
	"time"

	"github.com/gmsd/gmsd/gms/member"
)

// Patience is how long the suite waits for anything before it says that it does
// not come.
const Patience = 30 * time.Second

// Hosts is how many hosts a cluster must have.
const Hosts = 3

// Cluster is what the suite runs over: at least [Hosts] hosts that are in one
// view.
type Cluster struct {
	// Open opens a port at a host, from 0. It ends the test where it cannot.
	Open func(tb testing.TB, host int, name string) member.Port
	// Kill ends the program of a port without a word.
	Kill func(p member.Port)
}

// promise is a test of one promise.
type promise struct {
	name string
	test func(*testing.T, Cluster)
}

// Run holds an implementation against all promises. open makes a fresh cluster
// and registers its end with tb.Cleanup.
func Run(t *testing.T, open func(tb testing.TB) Cluster) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) { p.test(t, open(t)) })
	}
}

func promises() []promise {
	return []promise{
		{"FirstEventIsTheView", testFirstEvent},
		{"FaultsOfCalls", testFaults},
		{"ReceiptsAndSelfDelivery", testReceipts},
		{"SendersNeedNotBeMembers", testOpenSend},
		{"PayloadsMayBeUsedAgain", testPayloadReuse},
		{"FIFOAcrossGroups", testFIFO},
		{"AgreedIsOneOrder", testAgreed},
		{"LongMessages", testLong},
		{"ViewsOfJoinAndLeave", testViews},
		{"ViewsOfACrash", testCrash},
		{"SameMessagesBetweenViews", testVirtualSynchrony},
		{"BlockAnswered", testBlockAnswered},
		{"BlockUnanswered", testBlockUnanswered},
		{"RequestAll", testRequestAll},
		{"RequestMajorityAndFirst", testRequestSome},
		{"RequestWithALoss", testRequestLoss},
		{"StateAtItsCut", testStateAtItsCut},
		{"StateOfTheThird", testStateOfTheThird},
		{"StateOfNobody", testStateOfNobody},
		{"StateOfADonorThatDies", testDonorDies},
		{"StateHoldsUpNobody", testStateHoldsUpNobody},
		{"StateIsClosed", testCloseOfTheState},
		{"BackPressure", testBackPressure},
		{"CanceledWaits", testCanceled},
		{"CloseIsIdempotent", testClose},
		{"CloseEndsWaits", testCloseEndsWaits},
	}
}
