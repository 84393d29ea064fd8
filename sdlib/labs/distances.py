"""The lab of lesson 17: what a distance costs, counted in round trips."""

import json
import ssl
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection

from sdlib import data
from sdlib.components.checks import check_number
from sdlib.labs.far_models import round_trips
from sdlib.labs.faults import in_words
from sdlib.labs.picture import NEW_LINE
from sdlib.labs.recordings import recorded
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally, TallyResult

REGIONS = {"Singapore": "ap-southeast-1", "Frankfurt": "eu-central-1", "Virginia": "us-east-1"}
NEW, KEPT, TLS, SLOW = "new connection", "kept connection", "new connection with TLS", "kept, slower server"
DUE = {NEW: 2, KEPT: 1, TLS: 3, SLOW: 1}
SHOWN = {KEPT: "kept", NEW: "new", TLS: "new, TLS"}
WAYS = {NEW: (1, "none"), KEPT: (0, "none"), TLS: (1, "1.3")}  # for the simulation: share of new connections, TLS
SENTENCE = ("From Mumbai to Singapore, Frankfurt and Virginia alike: a request on a new connection took 2 round trips, "
            "with TLS 1.3 it took 3, and on a kept connection 1. On a kept connection it was 1 from a server ten times "
            "slower, too.")


class Distances(TallyResult):
    """Round trips of a request."""

    axis_title = "round trips"
    about = ("Whole round trips in the time of a request on a kept or on a new connection, the shortest of some "
             "tries. The distance is emulated: a "
             "relay keeps every byte for half of the measured round trip between the regions, each way, and adds the "
             "one of the TCP handshake. TLS is real.")

    def counts(self):
        return {f"{place}: {short}": load.seen[case] for place, load in self.loads.items()
                for case, short in SHOWN.items()}

    def simulated(self):
        return {f"{place}: {short}": round_trips(REGIONS[place], *WAYS[case])
                for place in self.loads for case, short in SHOWN.items()}

    def plot(self, seeds=20):
        """A place is said once, below its three cases: nine times there would be no room."""
        plot = super().plot(seeds)
        plot.x["ticktext"] = [f"{short}{NEW_LINE}{place}" if case == NEW else short
                              for place in self.loads for case, short in SHOWN.items()]
        return plot


@recorded("cryptography", result=Distances)
def distance(tries=3):
    """Lesson 17: a request from Mumbai to three regions, on a new and on a kept connection, with and without TLS.

    tries: of each, the shortest counts, 1 to 5. Returns a LabResult.
    """
    count = check_number("lab.distance", "tries", tries, low=1, high=5, example=3, unit="tries", whole=True)
    rtts = data.regions().set_index("region")["rtt_ms_from_mumbai_p50"]
    rtts_ms = {place: float(rtts[region]) for place, region in REGIONS.items()}
    with _running(rtts_ms) as (ways, trust, status):
        loads = {}
        for place, (plain, tls) in ways.items():
            status.show(f"to {place}")
            loads[place] = _tally([_times_ms(plain, tls, trust) for _ in range(count)], rtts_ms[place])
    return Distances(loads, _claims(loads), SENTENCE, axis="region")


@contextmanager
def _running(rtts_ms):
    with Stage() as stage, StatusLine("relays and a web server on 127.0.0.1") as status:
        with in_words("the relays could not be started"):
            plain, tls = stage.reserve_port(), stage.reserve_port()
            ways = {place: (stage.reserve_port(), stage.reserve_port()) for place in rtts_ms}
            relays = [[port, to_port, rtts_ms[place]] for place, ports in ways.items()
                      for port, to_port in zip(ports, (plain, tls), strict=True)]
            certificate = stage.folder / "far.pem"
            certificate.write_bytes(_certificate())
            process = stage.start([sys.executable, "-m", "sdlib.labs.far",
                                   json.dumps({"plain": plain, "tls": tls, "relays": relays})], log="far.log")
            stage.wait_until_listening(process, relays[-1][0])
        yield ways, _trust(certificate), status


def _trust(certificate):
    """TLS 1.3 and no older one, which would take a round trip more."""
    trust = ssl.create_default_context(cafile=certificate)
    trust.minimum_version = ssl.TLSVersion.TLSv1_3
    return trust


def _certificate():
    """A key and its self-made certificate for this machine, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(
                key, hashes.SHA256()))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())
    return secret + made.public_bytes(serialization.Encoding.PEM)


def _times_ms(plain, tls, trust):
    """How long each case took, once."""
    connection = HTTPConnection("127.0.0.1", plain, timeout=20)
    secure = HTTPSConnection("localhost", tls, timeout=20, context=trust)
    try:
        return {NEW: _took_ms(connection, "/fast"), KEPT: _took_ms(connection, "/fast"),
                SLOW: _took_ms(connection, "/slow"), TLS: _took_ms(secure, "/fast")}
    finally:
        connection.close()
        secure.close()


def _took_ms(connection, path):
    began_s = time.monotonic()
    connection.request("GET", path)
    connection.getresponse().read()
    return 1000 * (time.monotonic() - began_s)


def _tally(times_ms, rtt_ms):
    shortest = {case: min(times[case] for times in times_ms) for case in DUE}
    sent = len(times_ms) * len(DUE)
    return Tally(sent, {"answered": sent}, {case: int(took_ms // rtt_ms) for case, took_ms in shortest.items()}
                 | {f"{case} (ms)": took_ms for case, took_ms in shortest.items()})


def _claims(loads):
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            *((f"{case}: round trips to each region: {due}", all(load.seen[case] == due for load in loads.values()))
              for case, due in DUE.items())]
