"""Text of HQL to a ``Query``, by recursive descent."""

from __future__ import annotations

from tests.omero_server.hql_scanner import Token, scan
from tests.omero_server.hql_syntax import (
    Call,
    Case,
    Constant,
    Exists,
    Expression,
    HqlError,
    IsNull,
    Join,
    Membership,
    Operation,
    Order,
    Parameter,
    Path,
    Query,
    Source,
    SubQuery,
)

CLAUSES = {
    "from",
    "where",
    "group",
    "having",
    "order",
    "left",
    "inner",
    "join",
    "on",
    "with",
    "fetch",
    "outer",
    "as",
    "select",
}
OPERATORS = CLAUSES | {
    "and",
    "or",
    "not",
    "in",
    "is",
    "like",
    "between",
    "asc",
    "desc",
    "exists",
    "distinct",
    "by",
    "member",
}
CONSTANTS = {"null": None, "true": True, "false": False}
COMPARISONS = {"=", "<>", "!=", "<", "<=", ">", ">=", "like"}


def parse(text: str) -> Query:
    """Return the query that a text says; ``HqlError`` tells where it stops being understood."""
    parser = Parser(text)
    query = parser.query()
    parser.expect_end()
    return query


class Parser:
    """A place in the words of a query, moved on by every method."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)
        self.at = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def keyword(self, ahead: int = 0) -> str:
        """Return the word here in lower case, or nothing if it is not a name."""
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.text.lower() if token.kind == "name" else ""

    def take(self, *words: str) -> bool:
        """Go past these keywords, or this symbol, if they are here."""
        for ahead, word in enumerate(words):
            token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
            if token.kind not in ("name", "symbol") or token.text.lower() != word:
                return False
        self.at += len(words)
        return True

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self.error(f"{word!r} was expected")

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.error("the query should have ended")

    def error(self, reason: str) -> HqlError:
        return HqlError(f"{reason} at {self.token.position}, found {self.token.text!r}, in: {self.text.strip()}")

    def name(self) -> str:
        if self.token.kind != "name":
            raise self.error("a name was expected")
        self.at += 1
        return self.tokens[self.at - 1].text

    # -- clauses

    def query(self) -> Query:
        distinct, select, names = False, (), ()
        if self.take("select"):
            distinct = self.take("distinct")
            select, names = self.selection()
        self.expect("from")
        sources = self.sources()
        where = self.expression() if self.take("where") else None
        group = self.listed() if self.take("group", "by") else ()
        having = self.expression() if self.take("having") else None
        order = self.orders() if self.take("order", "by") else ()
        return Query(select, distinct, sources, where, group, having, order, names)

    def selection(self) -> tuple[tuple[Expression, ...], tuple[str, ...]]:
        items, names = [], []
        while True:
            items.append(self.expression())
            names.append(self.name() if self.take("as") else "")
            if not self.take(","):
                return tuple(items), tuple(names)

    def sources(self) -> tuple[Source | Join, ...]:
        found: list[Source | Join] = [self.source()]
        while True:
            if self.take(","):
                found.append(self.source())
            elif self.keyword() in ("left", "inner", "join"):
                found.append(self.join())
            else:
                return tuple(found)

    def source(self) -> Source | Join:
        if self.take("in", "("):
            path = self.path()
            self.expect(")")
            return Join(path, self.alias(required=True), outer=False, fetch=False)
        path = self.path()
        return Source(path.steps, self.alias() or "this")

    def join(self) -> Join:
        outer = self.take("left")
        if outer:
            self.take("outer")
        else:
            self.take("inner")
        self.expect("join")
        fetch = self.take("fetch")
        path = self.path()
        alias = self.alias()
        condition = self.expression() if self.take("with") else None
        return Join(path, alias, outer, fetch, condition)

    def alias(self, required: bool = False) -> str:
        if self.take("as") or required:
            return self.name()
        if self.token.kind == "name" and self.keyword() not in CLAUSES:
            return self.name()
        return ""

    def orders(self) -> tuple[Order, ...]:
        found = []
        while True:
            key = self.expression()
            descending = self.take("desc")
            if not descending:
                self.take("asc")
            found.append(Order(key, descending))
            if not self.take(","):
                return tuple(found)

    def listed(self) -> tuple[Expression, ...]:
        found = [self.expression()]
        while self.take(","):
            found.append(self.expression())
        return tuple(found)

    # -- expressions, the loosest binding first

    def expression(self) -> Expression:
        left = self.conjunction()
        while self.take("or"):
            left = Operation("or", (left, self.conjunction()))
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while self.take("and"):
            left = Operation("and", (left, self.negation()))
        return left

    def negation(self) -> Expression:
        if self.take("not"):
            return Operation("not", (self.negation(),))
        return self.comparison()

    def comparison(self) -> Expression:
        left = self.sum()
        if self.take("is"):
            negated = self.take("not")
            self.expect("null")
            return negate(IsNull(left), negated)
        negated = self.take("not")
        if self.take("in"):
            return negate(Membership(left, self.among()), negated)
        if self.take("between"):
            low = self.sum()
            self.expect("and")
            inside = Operation("and", (Operation(">=", (left, low)), Operation("<=", (left, self.sum()))))
            return negate(inside, negated)
        operator = self.token.text.lower()
        if operator in COMPARISONS and self.token.kind in ("name", "symbol"):
            self.at += 1
            compared = Operation("<>" if operator == "!=" else operator, (left, self.sum()))
            return negate(compared, negated)
        if negated:
            raise self.error("'in', 'like' or 'between' was expected after 'not'")
        return left

    def among(self) -> tuple[Expression, ...]:
        if not self.take("("):
            return (self.primary(),)
        if self.keyword() in ("select", "from"):
            found: tuple[Expression, ...] = (SubQuery(self.query()),)
        else:
            found = self.listed()
        self.expect(")")
        return found

    def sum(self) -> Expression:
        left = self.product()
        while self.token.kind == "symbol" and self.token.text in ("+", "-", "||"):
            operator = self.token.text
            self.at += 1
            left = Operation(operator, (left, self.product()))
        return left

    def product(self) -> Expression:
        left = self.primary()
        while self.token.kind == "symbol" and self.token.text in ("*", "/"):
            operator = self.token.text
            self.at += 1
            left = Operation(operator, (left, self.primary()))
        return left

    def primary(self) -> Expression:
        token = self.token
        if self.take("-"):
            return Operation("negative", (self.primary(),))
        if self.take("("):
            inner: Expression = SubQuery(self.query()) if self.keyword() in ("select", "from") else self.expression()
            self.expect(")")
            return inner
        if token.kind == "number":
            self.at += 1
            return Constant(number(token.text))
        if token.kind == "text":
            self.at += 1
            return Constant(token.text[1:-1].replace("''", "'"))
        if token.kind == "parameter":
            self.at += 1
            return Parameter(token.text)
        if token.kind == "name":
            return self.named()
        raise self.error("a value was expected")

    def named(self) -> Expression:
        word = self.keyword()
        if word in CONSTANTS:
            self.at += 1
            return Constant(CONSTANTS[word])
        if word == "exists" or (word in ("all", "any", "some") and self.tokens[self.at + 1].text == "("):
            if word != "exists":
                raise self.error("quantified sub-queries are not understood")
            return self.exists()
        if word == "case" and self.keyword(1) == "when":
            return self.case()
        if self.tokens[self.at + 1].text == "(":
            return self.call()
        if word in OPERATORS:
            raise self.error("a value was expected")
        return self.path()

    def case(self) -> Case:
        self.expect("case")
        branches = []
        while self.take("when"):
            condition = self.expression()
            self.expect("then")
            branches.append((condition, self.expression()))
        otherwise: Expression = self.expression() if self.take("else") else Constant(None)
        self.expect("end")
        return Case(tuple(branches), otherwise)

    def exists(self) -> Exists:
        self.expect("exists")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return Exists(query)

    def call(self) -> Expression:
        name = self.name().lower()
        self.expect("(")
        if name == "count" and self.take("*"):
            self.expect(")")
            return Call(name, ())
        distinct = self.take("distinct")
        arguments = () if self.token.text == ")" else self.listed()
        self.expect(")")
        if name == "distinct":  # `distinct(x.id)`, as OMERO's own clients write it
            return Call(name, arguments)
        return Call(name, arguments, distinct)

    def path(self) -> Path:
        steps = [self.name()]
        while self.token.text == "." and self.token.kind == "symbol":
            self.at += 1
            steps.append(self.name())
        return Path(tuple(steps))


def negate(expression: Expression, really: bool) -> Expression:
    """Return an expression, or its opposite."""
    return Operation("not", (expression,)) if really else expression


def number(text: str) -> int | float:
    """Return the value of a number as HQL writes it, with or without a letter for its type."""
    plain = text.rstrip("lLdDfF")
    return int(plain) if plain.isdigit() and text[-1] not in "dDfF" else float(plain)
