"""What is refused about cases."""

from models.core.domain_errors import DomainError


class CaseNotFound(DomainError):
    """There is no case with this number."""

    def __init__(self, case_id: int) -> None:
        super().__init__(f"there is no case {case_id}")
        self.case_id = case_id


class CaseDecidedAtBooking(DomainError):
    """A decision about this case is carried out for its booking: closing it here would not be."""

    def __init__(self, case_id: int, booking_id: str | None) -> None:
        super().__init__(f"case {case_id} is decided at booking {booking_id}")
        self.case_id = case_id
        self.booking_id = booking_id


class CaseAlreadyDecided(DomainError):
    """The case is settled already."""

    def __init__(self, case_id: int) -> None:
        super().__init__(f"case {case_id} is settled already")
        self.case_id = case_id
