"""What identity's events say about people."""

import json
from collections.abc import Iterator

from chassis.clock import micros
from loop import fact_tables as facts
from loop import upstream
from loop.fact_tables import Fact
from loop.reading import Frame, reads


@reads(upstream.TenantDescribed)
def _tenant(event: upstream.TenantDescribed, on: Frame) -> Iterator[Fact]:
    yield facts.Tenant(tenant=on.tenant, at=on.at, zone=event.zone, currency=event.currency)


@reads(upstream.BrandFollowed)
def _follow(event: upstream.BrandFollowed, on: Frame) -> Iterator[Fact]:
    yield facts.Follow(
        tenant=on.tenant,
        at=micros(event.at),
        account_id=event.account_id,
        property_id=event.property_id,
        platform=event.platform,
    )


@reads(upstream.PersonRegistered)
def _person(event: upstream.PersonRegistered, on: Frame) -> Iterator[Fact]:
    yield facts.Person(tenant=on.tenant, at=on.at, person_id=event.person_id)


@reads(upstream.PersonsMerged)
def _merge(event: upstream.PersonsMerged, on: Frame) -> Iterator[Fact]:
    yield facts.Merge(
        tenant=on.tenant,
        at=on.at,
        link_id=event.link_id,
        survivor=event.survivor,
        absorbed=event.absorbed,
    )


@reads(upstream.PersonSplit)
def _split(event: upstream.PersonSplit, on: Frame) -> Iterator[Fact]:
    yield facts.Split(tenant=on.tenant, at=on.at, link_id=event.undoes_link_id)


@reads(upstream.AccountLinked)
def _link(event: upstream.AccountLinked, on: Frame) -> Iterator[Fact]:
    yield facts.Link(
        tenant=on.tenant, at=on.at, account_id=event.account_id, person_id=event.person_id
    )


@reads(upstream.PhoneVerified)
def _phone(event: upstream.PhoneVerified, on: Frame) -> Iterator[Fact]:
    yield facts.Phone(
        tenant=on.tenant, at=on.at, phone_id=event.phone_id, person_id=event.person_id
    )


@reads(upstream.MemberEnrolled)
def _membership(event: upstream.MemberEnrolled, on: Frame) -> Iterator[Fact]:
    yield facts.Membership(
        tenant=on.tenant,
        at=on.at,
        member_id=event.member_id,
        person_id=event.person_id,
        programme=event.programme,
    )


@reads(upstream.ErasureRequested)
def _erasure(event: upstream.ErasureRequested, on: Frame) -> Iterator[Fact]:
    subjects = json.dumps(list(event.subjects))
    yield facts.Erasure(tenant=on.tenant, at=on.at, request_id=event.request_id, subjects=subjects)
