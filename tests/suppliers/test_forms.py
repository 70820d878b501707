"""Answers in other forms than published: read where nobody needs it, else named."""

import pytest

from tests.suppliers.amadeus import forms as amadeus
from tests.suppliers.amadeus.script import SCRIPT as AMADEUS
from tests.suppliers.booking_com import forms as booking_com
from tests.suppliers.booking_com.script import SCRIPT as BOOKING_COM
from tests.suppliers.conftest import Scripted
from tests.suppliers.duffel import forms as duffel
from tests.suppliers.duffel.script import SCRIPT as DUFFEL
from tests.suppliers.forms import Form
from tests.suppliers.getyourguide import forms as getyourguide
from tests.suppliers.getyourguide.script import SCRIPT as GETYOURGUIDE
from tests.suppliers.ratehawk import forms as ratehawk
from tests.suppliers.ratehawk.script import SCRIPT as RATEHAWK
from tests.suppliers.scripts import Script
from tests.suppliers.viator import forms as viator
from tests.suppliers.viator.script import SCRIPT as VIATOR

FORMS = {
    f"{script.name}: {name}": (script, form)
    for script, forms in (
        (AMADEUS, amadeus.FORMS),
        (BOOKING_COM, booking_com.FORMS),
        (DUFFEL, duffel.FORMS),
        (GETYOURGUIDE, getyourguide.FORMS),
        (RATEHAWK, ratehawk.FORMS),
        (VIATOR, viator.FORMS),
    )
    for name, form in forms.items()
}
each = pytest.mark.parametrize(("script", "form"), FORMS.values(), ids=FORMS)


@each
async def test_any_form(scripted: Scripted, script: Script, form: Form) -> None:
    supplier = script.supplier(scripted)
    await form.check_any_form(scripted, supplier)
    await supplier.close()


@each
async def test_what_is_lacking(scripted: Scripted, script: Script, form: Form) -> None:
    supplier = script.supplier(scripted)
    await form.check_what_is_lacking(scripted, supplier)
    await supplier.close()
