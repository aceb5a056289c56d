"""What a terminal host does with a request: a fixed list of functions, a guard before sends."""

from __future__ import annotations

import platform
from typing import Any, Final

import msgspec

from adapters.mt5.api.account_guard import objection
from adapters.mt5.api.contract import DEFAULT_TIMEOUT_MS, FUNCTIONS, Access, Function
from adapters.mt5.host.wire import (
    PROTOCOL,
    TOKEN_BYTES,
    RpcReply,
    RpcRequest,
    TooLarge,
    Trouble,
    WireError,
    encode_reply,
)

STOP: Final = "host.stop"
"""Not a function of the package: asks the host to end after its reply."""


class HostConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a host receives, once, on its standard input.

    ``login`` and ``server`` name the only account that it will send orders to. ``backend`` is
    "MetaTrader5" or "paper:SPEC". ``token`` is 64 hexadecimal digits. ``timeout_ms`` is the
    terminal's own time to connect to the account. With ``terminal_path`` the host starts that
    terminal and logs in; without, it only attaches to the terminal that is running.
    """

    token: str
    login: int
    server: str
    password: str = ""
    backend: str = "MetaTrader5"
    trading: bool = False
    terminal_path: str | None = None
    timeout_ms: int = DEFAULT_TIMEOUT_MS

    def __post_init__(self) -> None:
        if len(self.token_bytes) != TOKEN_BYTES:
            raise ValueError(f"token must be {2 * TOKEN_BYTES} hexadecimal digits")
        if self.login <= 0:
            raise ValueError("login must be above 0")
        if not self.server:
            raise ValueError("server must not be empty")

    def __repr__(self) -> str:
        """Without password and token, since a repr ends up in logs."""
        return f"HostConfig(backend={self.backend!r}, login={self.login}, server={self.server!r})"

    @property
    def token_bytes(self) -> bytes:
        try:
            return bytes.fromhex(self.token)
        except ValueError:
            # The original error would quote the token.
            raise ValueError("token is not hexadecimal") from None


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host says of itself to a client that showed the token; holds no secret."""

    protocol: int
    python: str
    package: str
    backend: str
    login: int
    server: str
    trading: bool


class _Refused(Exception):
    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(trouble, detail)
        self.trouble, self.detail = trouble, detail

    def __str__(self) -> str:
        return self.detail


class Service:
    """Answers requests with one backend: the package's module or an object with its functions.

    A backend that has `extra_functions` (the paper terminal moves its market so) offers them too.
    """

    def __init__(self, backend: Any, config: HostConfig) -> None:
        self._backend = backend
        self._config = config
        self._functions = {**FUNCTIONS, **getattr(backend, "extra_functions", {})}
        self.stopped = False

    def hello(self) -> Hello:
        """Who this host is; `package` is the backend's version, if it states one."""
        config = self._config
        return Hello(
            protocol=PROTOCOL,
            python=platform.python_version(),
            package=str(getattr(self._backend, "__version__", "")),
            backend=config.backend.partition(":")[0],
            login=config.login,
            server=config.server,
            trading=config.trading,
        )

    def answer(self, request: RpcRequest) -> bytes:
        """The encoded reply; whatever the backend does, there is one."""
        try:
            return encode_reply(self.reply(request))
        except TooLarge as error:
            return self._trouble(request, Trouble.TOO_LARGE, f"{error}; ask for less at a time")
        except WireError as error:
            return self._trouble(request, Trouble.RAISED, str(error))

    def reply(self, request: RpcRequest) -> RpcReply:
        """The same before it is encoded."""
        try:
            return self._reply(request)
        except _Refused as refused:
            return RpcReply(id=request.id, trouble=refused.trouble, detail=str(refused))

    def _trouble(self, request: RpcRequest, trouble: Trouble, detail: str) -> bytes:
        return encode_reply(RpcReply(id=request.id, trouble=trouble, detail=detail))

    def _reply(self, request: RpcRequest) -> RpcReply:
        if request.function == STOP:
            self.stopped = True
            return RpcReply(id=request.id, value=True)
        function = self._functions.get(request.function)
        if function is None:
            raise _Refused(Trouble.NOT_ALLOWED, f"{request.function[:40]!r} is not on the list")
        try:
            value = self._run(function, request)
            code, text = self._backend.last_error()
        except _Refused:
            raise
        except Exception as error:
            # Nothing a backend raises may end the host or pass for an answer.
            return RpcReply(id=request.id, trouble=Trouble.RAISED, detail=self._described(error))
        return RpcReply(id=request.id, value=value, last_error=(code, text))

    def _described(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}"
        if error.__cause__ is not None:  # of a SystemError it says what was wrong
            text += f" ({error.__cause__})"
        password = self._config.password
        return text.replace(password, "(hidden)") if password else text

    def _run(self, function: Function, request: RpcRequest) -> Any:
        if function.access is Access.TRADE:
            return self._send(request)
        if function.name == "initialize":
            return self._attach(request)
        if function.name == "login":
            raise _Refused(Trouble.NOT_ALLOWED, "the host logs in by itself, on initialize")
        return self._call(function.name, request.args, request.kwargs)

    def _call(self, name: str, args: list[Any], kwargs: dict[str, Any] | None) -> Any:
        function = getattr(self._backend, name)
        # Some functions fail when a keyword object is passed at all, even an empty one.
        return function(*args) if kwargs is None else function(*args, **kwargs)

    def _send(self, request: RpcRequest) -> Any:
        if not self._config.trading:
            raise _Refused(Trouble.READ_ONLY, "it was not started for trading")
        self._insist_on_the_account()
        return self._call(request.function, request.args, request.kwargs)

    def _insist_on_the_account(self) -> None:
        try:
            account = self._backend.account_info()
        except Exception as error:
            # Here nothing has been sent yet, and that must not be reported as unknown.
            raise _Refused(Trouble.GUARD, f"account_info: {self._described(error)}") from error
        why = objection(account, self._config.login, self._config.server)
        if why:
            raise _Refused(Trouble.GUARD, why)

    def _attach(self, request: RpcRequest) -> bool:
        """Connect to the terminal; log in only in a terminal that the profile calls its own.

        A terminal that another program uses must not be taken to another account.
        """
        if request.args or request.kwargs:
            raise _Refused(Trouble.NOT_ALLOWED, "initialize takes no arguments here")
        config = self._config
        if config.terminal_path is None:
            connected = self._backend.initialize(timeout=config.timeout_ms)
        else:
            connected = self._backend.initialize(
                config.terminal_path,
                login=config.login,
                password=config.password,
                server=config.server,
                timeout=config.timeout_ms,
            )
        if connected:
            self._keep_only_the_account()
        return bool(connected)

    def _keep_only_the_account(self) -> None:
        try:
            self._insist_on_the_account()
        except _Refused:
            self._backend.shutdown()
            raise
