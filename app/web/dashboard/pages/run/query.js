/* What the view of a run asks for. Curves and composition are asked for by what draws them. */

export const RUN = `
  query Run($id: ID!) {
    run(id: $id) {
      __typename
      id
      kind
      status
      origin
      finishedAt
      durationMs
      progress { fraction stage }
      failure { code message }
      tags
      note
      attempt
      dataset { id label synthetic }
      ... on FactorRun {
        engineVersion
        dataset {
          calendar
          assetCount
          firstDate
          lastDate
          source
          licence
          quality {
            rowsRead
            rowsRefused
            counts { label action count example }
            notes
          }
        }
        legacyRunId
        importRemarks
        factor { name title description signal longOnly }
        config {
          rebalance
          startDate
          endDate
          breakpoint
          minAssets
          weightingMethod
          varianceLookback
          maxWeight
          marketCapThreshold
          liquidityThreshold
          minLifetimeDays
          missingReturn
          exclude
          universe
          costBps
          shortCarryBps
          executionLagDays
          publicationLagDays
          maxAbsReturn
          extremeReturns
          quantiles
          unrecordedFields
          options { name meaning text }
          ... on MarketConfig { topN }
          ... on ValueConfig { longSide fundamental }
          ... on MomentumConfig { lookbackPeriods volatilityAdjusted }
          ... on MomentumV2Config { lookbackDays }
          ... on GrowthConfig { growthWindow growthMetrics }
        }
        performance {
          annualizedReturn
          cumulativeReturn
          meanAnnualReturn
          annualizedVolatility
          sharpeRatio
          sortinoRatio
          sortinoRatioTarget
          maxDrawdown
          maxDrawdownPeakDate
          maxDrawdownTroughDate
          maxDrawdownRecoveryDate
          calmarRatio
          valueAtRisk95
          expectedShortfall95
          hitRate
          skewness
          excessKurtosis
          bestPeriodReturn
          worstPeriodReturn
          longOnlyReturn
          shortOnlyReturn
          years
          numPeriods
          skippedPeriods
          missingReturns
          extremeReturns
          coverage
          breadth
          longHhi
          shortHhi
          meanTurnover
          breakEvenCostBps
          neweyWestT
          sharpeStandardError
          probabilisticSharpeRatio
          icMean
          icT
          alpha
          beta
          startDate
          endDate
          wipedOutOn
          undefinedMetrics { metric detail }
        }
        netPerformance { annualizedReturn sharpeRatio maxDrawdown wipedOutOn }
        confidenceIntervals { metric net level low high }
        monthlyReturns { year month return }
        compositionDates
      }
    }
  }
`;
