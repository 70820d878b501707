"""What can go wrong on this machine, in words that help a person to mend it."""


class LocalWorldError(Exception):
    """Something of the local world cannot start or keep running.

    ``mend`` says in plain words what the person in front of the machine can do about it.
    """

    def __init__(self, what: str, *, mend: str = "") -> None:
        super().__init__(what)
        self.mend = mend
