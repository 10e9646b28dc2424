import pytest
from graphql import build_schema, get_introspection_query, parse, validate

from app.boundary.cost_rules import CostLimits
from app.boundary.query_cost import QueryCostMeter, measure_document
from app.errors import LimitExceeded
from tests.app.boundary.sample_schema import build_sample_schema

SCHEMA = build_sample_schema()._schema
METER = QueryCostMeter(SCHEMA)

SELF_REFERENCE = build_schema(
    "type Query { self: Query all: [Query!]! runs(first: Int! = 50): Query name: String }"
)


def measure(query: str, variables: dict | None = None, name: str | None = None):
    return METER.measure(parse(query), name, variables)


def refusal(query: str, variables: dict | None = None, meter: QueryCostMeter = METER) -> str:
    with pytest.raises(LimitExceeded) as caught:
        meter.check(parse(query), None, variables)
    assert caught.value.code == "LIMIT_EXCEEDED"
    return str(caught.value)


def chain(fragments: int, body: str) -> str:
    """F0 spreads F1 twice, F1 spreads F2 twice, ..."""
    links = [f"fragment F{i} on Query {{ {body.format(next=f'...F{i + 1}')} }}" for i in range(fragments - 1)]
    return "\n".join(["{ ...F0 }", *links, f"fragment F{fragments - 1} on Query {{ name }}"])


class TestPages:
    def test_page_sizes_multiply_down_the_tree(self):
        cost = measure("{ factors { runs(first: 100) { edges { node { id } } } } }")
        assert cost.nodes == 6 + 600
        assert cost.depth == 5

    def test_the_default_of_the_schema_counts_when_no_page_size_is_written(self):
        assert measure("{ factorRuns { edges { node { id } } } }").nodes == 50

    def test_an_open_page_without_default_counts_as_the_largest_page(self):
        assert measure("{ maybeRuns { edges { node { id } } } }").nodes == 100
        assert measure("{ maybeRuns(first: null) { edges { node { id } } } }").nodes == 100

    @pytest.mark.parametrize(
        ("given", "nodes"),
        [
            ({"n": 7}, 7),
            ({"n": 7.0}, 7),
            ({}, 20),
            ({"n": None}, 100),
            ({"n": "seven"}, 100),
            ({"n": True}, 100),
        ],
    )
    def test_the_variable_that_was_sent_counts_and_else_its_own_default(self, given, nodes):
        assert (
            measure("query ($n: Int = 20) { factorRuns(first: $n) { edges { node { id } } } }", given).nodes
            == nodes
        )

    def test_a_variable_without_value_falls_back_to_the_default_of_the_argument(self):
        assert measure("query ($n: Int) { factorRuns(first: $n) { edges { node { id } } } }").nodes == 50

    @pytest.mark.parametrize("asked", [-1, 101, 10**9, 10**30, -(10**30)])
    def test_a_page_size_out_of_range_is_refused_literal_or_variable(self, asked):
        literal = refusal(f"{{ factorRuns(first: {asked}) {{ edges {{ node {{ id }} }} }} }}")
        variable = refusal(
            "query ($n: Int!) { factorRuns(first: $n) { edges { node { id } } } }", {"n": asked}
        )
        assert literal.startswith("first of factorRuns goes from 0 to 100; ")
        assert variable.startswith("first of factorRuns goes from 0 to 100; ")
        if abs(asked) < 10**15:
            assert f"{asked:,} was asked for" in literal

    def test_a_literal_of_ten_thousand_digits_is_refused_and_not_converted(self):
        assert "10^15 or more" in refusal(
            "{ factorRuns(first: " + "9" * 10_000 + ") { edges { node { id } } } }"
        )

    def test_nodes_above_the_limit_are_refused_with_the_number_asked(self):
        query = (
            "{ factorRuns(first: 100) { edges { node { factor { runs(first: 100)"
            " { edges { node { id } } } } } } } }"
        )
        assert "limited to 10,000 nodes (page sizes multiplied); this one asks for 10,100" in refusal(query)

    def test_a_list_without_page_size_counts_as_assumed(self):
        assert measure("{ factors { name } }").nodes == 6
        assert measure('{ run(id: "1") { tags dates } }').values == 1 + 20 + 2_000


class TestWork:
    def test_work_counts_once_a_field_whatever_is_asked_of_it(self):
        cost = measure("{ measuredRuns(first: 0) { edges { node { id } } } }")
        assert cost.values == 40_000

    def test_work_below_a_list_counts_once_an_object(self):
        cost = measure("{ measuredRuns(first: 3) { edges { node { factor { measuredFactor { name } } } } } }")
        assert cost.values == 40_000 + 3 * (6 + 3_000)

    def test_only_so_much_work_is_done_a_request(self):
        fields = [f"f{at}: measuredRuns(first: 0) {{ edges {{ node {{ id }} }} }}" for at in range(3)]
        METER.check(parse(f"{{ {' '.join(fields[:2])} }}"))
        assert "limited to 100,000 values" in refusal(f"{{ {' '.join(fields)} }}")


class TestPoints:
    def test_points_are_series_times_points_times_parents(self):
        query = (
            "{ factors { runs(first: 10) { edges { node"
            " { series(maxPoints: 200, select: [{}, {}, {}]) { dates values } } } } } }"
        )
        assert measure(query).points == 6 * 10 * 200 * 3

    def test_points_and_series_come_from_variables_too(self):
        series = "series(maxPoints: $p, select: $s) { values }"
        query = f"query ($p: Int!, $s: [SeriesSelect!]!) {{ run(id: 1) {{ {series} }} }}"
        assert measure(query, {"p": 30, "s": [{}, {}]}).points == 60

    def test_defaults_of_the_schema_count(self):
        assert measure('{ run(id: "1") { series { values } } }').points == 1_000

    def test_above_a_million_points_is_refused(self):
        query = "{ factorRuns(first: 100) { edges { node { series(maxPoints: 10001) { values } } } } }"
        assert "limited to 1,000,000 points; this one asks for 1,000,100" in refusal(query)

    @pytest.mark.parametrize("asked", [-1, 1_000_001, 10**40])
    def test_a_number_of_points_out_of_range_is_refused(self, asked):
        message = refusal(f'{{ run(id: "1") {{ series(maxPoints: {asked}) {{ values }} }} }}')
        assert message.startswith("maxPoints of series goes from 0 to 1,000,000")

    def test_repeating_a_column_under_aliases_counts_the_points_again(self):
        once = measure('{ run(id: "1") { series { dates values } } }').points
        columns = " ".join(f"c{i}: values" for i in range(30))
        assert measure(f'{{ run(id: "1") {{ series {{ {columns} }} }} }}').points == 10 * once

    def test_points_as_objects_count_each_of_their_values(self):
        columns = measure('{ run(id: "1") { series(maxPoints: 500) { dates values } } }').values
        objects = measure('{ run(id: "1") { series(maxPoints: 500) { points { date value } } } }').values
        assert columns < 10
        assert objects > 500 * 3

    def test_the_length_of_columns_passes_through_fragments(self):
        direct = measure('{ run(id: "1") { series(maxPoints: 500) { points { date value } } } }')
        spread = measure(
            '{ run(id: "1") { series(maxPoints: 500) { ...S } } }'
            " fragment S on TimeSeries { points { ... on Point { date value } } }"
        )
        assert (spread.values, spread.points) == (direct.values, direct.points)


class TestShape:
    def test_fifty_levels_are_refused_with_their_number(self):
        meter = QueryCostMeter(SELF_REFERENCE)
        message = refusal("{ self " * 49 + "{ name }" + " }" * 49, meter=meter)
        assert "limited to 12 levels of depth; this one asks for 50" in message

    def test_depth_is_counted_through_fragments(self):
        meter = QueryCostMeter(SELF_REFERENCE)
        query = chain(20, "self {{ {next} }}")
        assert "asks for 20" in refusal(query, meter=meter)

    def test_nesting_without_depth_is_refused_before_it_overflows_the_stack(self):
        meter = QueryCostMeter(SELF_REFERENCE)
        assert "levels of nesting" in refusal("{ ... " * 150 + "{ name }" + " }" * 150, meter=meter)

    def test_ten_thousand_aliases_are_refused(self):
        query = "{" + " ".join(f"a{i}: hello" for i in range(10_000)) + "}"
        assert "limited to 1,000 fields; this one asks for 10,000" in refusal(query)

    def test_two_hundred_and_one_aliases_are_refused(self):
        message = refusal('{ run(id: "1") {' + " ".join(f"a{i}: id" for i in range(201)) + "} }")
        assert "limited to 200 aliases; this one asks for 201" in message

    def test_root_fields_are_counted_through_fragments(self):
        body = " ".join(f"a{i}: hello" for i in range(31))
        assert "limited to 30 root fields; this one asks for 31" in refusal(
            f"{{ ...F }} fragment F on Query {{ {body} }}"
        )

    def test_values_bound_many_aliases_on_many_nodes(self):
        body = " ".join(f"a{i}: id" for i in range(190))
        query = (
            "{ factorRuns(first: 90) { edges { node { factor { runs(first: 100)"
            f" {{ edges {{ node {{ {body} }} }} }} }} }} }} }} }}"
        )
        assert "100,000 values" in refusal(query)

    @pytest.mark.parametrize(
        ("document", "what"),
        [
            ("\n".join(f"query Q{i} {{ hello }}" for i in range(21)), "20 operations"),
            (
                "{ hello }" + "".join(f" fragment F{i} on Query {{ hello }}" for i in range(51)),
                "50 fragments",
            ),
            ("{ hello " + "@skip(if: false) " * 101 + "}", "100 directives"),
        ],
    )
    def test_what_is_written_is_bounded(self, document, what):
        assert f"limited to {what}" in refusal(document)

    def test_fields_of_one_response_name_are_bounded_because_validation_compares_them_in_pairs(self):
        query = "{" + " ".join(f"a: hello(name: {i})" for i in range(201)) + "}"
        assert "limited to 20,000 pairs" in refusal("{" + "hello " * 201 + "}")
        assert "limited to 200 aliases" in refusal(query)
        nested = "{" + ('run(id: "1") {' + "id " * 15 + "} ") * 15 + "}"
        assert measure_document(parse(nested)).repeated_pairs == 15 * 14 // 2 + 225 * 224 // 2
        assert "pairs" in refusal(nested)

    def test_equal_names_at_different_places_are_no_pairs(self):
        query = "{" + " ".join(f'r{i}: run(id: "{i}") {{ id }}' for i in range(25)) + "}"
        assert measure_document(parse(query)).repeated_pairs == 0
        METER.check(parse(query))

    def test_only_the_chosen_operation_is_measured(self):
        document = "query Small { hello } query Large { factorRuns(first: 500) { edges { node { id } } } }"
        assert METER.check(parse(document), "Small").nodes == 0
        with pytest.raises(LimitExceeded):
            METER.check(parse(document), "Large")

    def test_an_ordinary_comparison_of_factors_passes(self):
        series = 'series(select: [{name: "FACTOR"}, {name: "LONG"}], maxPoints: 500) { name dates values }'
        query = f"{{ factors {{ name runs(first: 20) {{ edges {{ node {{ id tags {series} }} }} }} }} }}"
        METER.check(parse(query))


class TestFragments:
    @pytest.mark.parametrize("fragments", [25, 40, 50])
    def test_chained_double_spreads_are_walked_once_each(self, fragments):
        query = chain(fragments, "{next} {next}")
        cost = QueryCostMeter(SELF_REFERENCE).measure(parse(query))
        assert cost.visits <= 2 * fragments + 1

    def test_chains_that_double_the_result_are_counted_in_full_without_being_expanded(self):
        query = chain(11, "a: self {{ {next} }} b: self {{ {next} }}")
        meter = QueryCostMeter(SELF_REFERENCE, limits=CostLimits(values=1_000))
        cost = meter.measure(parse(query))
        assert cost.visits <= 4 * 11
        assert cost.values == 2**11 - 2 + 2**10
        assert "1,000 values" in refusal(query, meter=meter)

    def test_fifty_doubling_fragments_with_pages_give_a_number_and_no_long_wait(self):
        query = chain(50, "a: runs(first: 100) {{ {next} }} b: runs(first: 100) {{ {next} }}")
        cost = QueryCostMeter(SELF_REFERENCE).measure(parse(query))
        assert cost.visits <= 4 * 50
        assert cost.nodes > 10**100

    @pytest.mark.parametrize(
        "query",
        [
            "{ ...A } fragment A on Query { ...A hello }",
            "{ ...A } fragment A on Query { hello ...B } fragment B on Query { factors { name } ...A }",
            "{ run(id: 1) { ...R } } fragment R on Run { factor { latestRun { ...R } } }",
        ],
    )
    def test_cycles_end_and_are_left_to_validation(self, query):
        assert measure(query).visits < 20
        assert any("Cannot spread fragment" in e.message for e in validate(SCHEMA, parse(query)))

    @pytest.mark.parametrize(
        "query",
        [
            "{ ...Nowhere }",
            "{ ... on Nothing { x } nothing { below } }",
            "{ hello { below } ... on Upload { x } }",
            "fragment F on Query { hello }",
            "subscription { nothing }",
            "query ($n: Nothing) { factorRuns(first: $m) { edges { node { id } } } }",
            '{ factorRuns(first: "many") { edges { node { id } } } }',
            '{ run(id: 1) { series(select: "x", maxPoints: 1.5) { values } } }',
        ],
    )
    def test_invalid_documents_are_left_to_validation(self, query):
        METER.check(parse(query))
        assert validate(SCHEMA, parse(query))


class TestIntrospection:
    def test_the_fullest_standard_query_passes(self):
        query = get_introspection_query(
            descriptions=True,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
            one_of=True,
        )
        cost = METER.check(parse(query))
        assert cost.introspection_depth > METER.limits.depth
        assert (cost.nodes, cost.values) == (0, 0)

    def test_asking_for_types_of_types_is_refused(self):
        body = "name"
        for _ in range(6):
            body = f"fields {{ type {{ {body} }} }}"
        assert "introspection" in refusal(f"{{ __schema {{ types {{ {body} }} }} }}")

    def test_repeating_introspection_is_refused(self):
        body = "types { name fields { name args { name type { name } } type { name kind } } }"
        query = "{" + " ".join(f"a{i}: __schema {{ {body} }}" for i in range(25)) + "}"
        assert "values of introspection" in refusal(query)
